/**
 * Keys made for these tests and of no other use, and tokens that python3-cryptography has
 * signed with them. Each says
 * {"sub":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed","iss":"host","aud":"chat",
 * "exp":2000000000}.
 */
#pragma once

#define TOKEN_SUB "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define TOKEN_EXP INT64_C(2000000000)

// In PEM.

#define RSA_PUBLIC                                                                             \
    "-----BEGIN PUBLIC KEY-----\n"                                                             \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr2vuQsblh+JNas4qHDOs\n"                       \
    "ZE30oksj/HN1EAi1Nm7tcdTMYwp5TYeWrl9aKOWUqL2+sTOtpbgvkqOGzE/iO3gd\n"                       \
    "kidiGnh0krYe3spJYmquUppcbJX2IeLmAUv9dxLjdYsjLAxlZLvYIL+C67HYqEB1\n"                       \
    "IU26Y16uiGOvVp1RqhVJ9WW+wRSGdZf6Fmd4Z8phFju9bBj4ui7yZjTi6W9tWscz\n"                       \
    "QDnXHCLvx/s5ZymlGnHJri6kAK4MdGabIYTtY9ZEYpz+SmnYRpF6C2PT1TbQDD5S\n"                       \
    "h4SObA7GnkXGdfy+s0hlPrtL9uq7KAyc+UkvusaROfcCmWKQdhlOL+tVh3KP3Rdr\n"                       \
    "vwIDAQAB\n"                                                                               \
    "-----END PUBLIC KEY-----\n"

#define RSA_PUBLIC_PKCS1 /* the same, in the older form */                                     \
    "-----BEGIN RSA PUBLIC KEY-----\n"                                                         \
    "MIIBCgKCAQEAr2vuQsblh+JNas4qHDOsZE30oksj/HN1EAi1Nm7tcdTMYwp5TYeW\n"                       \
    "rl9aKOWUqL2+sTOtpbgvkqOGzE/iO3gdkidiGnh0krYe3spJYmquUppcbJX2IeLm\n"                       \
    "AUv9dxLjdYsjLAxlZLvYIL+C67HYqEB1IU26Y16uiGOvVp1RqhVJ9WW+wRSGdZf6\n"                       \
    "Fmd4Z8phFju9bBj4ui7yZjTi6W9tWsczQDnXHCLvx/s5ZymlGnHJri6kAK4MdGab\n"                       \
    "IYTtY9ZEYpz+SmnYRpF6C2PT1TbQDD5Sh4SObA7GnkXGdfy+s0hlPrtL9uq7KAyc\n"                       \
    "+UkvusaROfcCmWKQdhlOL+tVh3KP3RdrvwIDAQAB\n"                                               \
    "-----END RSA PUBLIC KEY-----\n"

#define RSA_CERTIFICATE /* of the same, expired */                                             \
    "-----BEGIN CERTIFICATE-----\n"                                                            \
    "MIICkTCCAXmgAwIBAgIBATANBgkqhkiG9w0BAQsFADAMMQowCAYDVQQDDAF0MB4X\n"                       \
    "DTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowDDEKMAgGA1UEAwwBdDCCASIw\n"                       \
    "DQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAK9r7kLG5YfiTWrOKhwzrGRN9KJL\n"                       \
    "I/xzdRAItTZu7XHUzGMKeU2Hlq5fWijllKi9vrEzraW4L5KjhsxP4jt4HZInYhp4\n"                       \
    "dJK2Ht7KSWJqrlKaXGyV9iHi5gFL/XcS43WLIywMZWS72CC/guux2KhAdSFNumNe\n"                       \
    "rohjr1adUaoVSfVlvsEUhnWX+hZneGfKYRY7vWwY+Lou8mY04ulvbVrHM0A51xwi\n"                       \
    "78f7OWcppRpxya4upACuDHRmmyGE7WPWRGKc/kpp2EaRegtj09U20Aw+UoeEjmwO\n"                       \
    "xp5FxnX8vrNIZT67S/bquygMnPlJL7rGkTn3AplikHYZTi/rVYdyj90Xa78CAwEA\n"                       \
    "ATANBgkqhkiG9w0BAQsFAAOCAQEArT4LNY2S0uFDcdRnGi5gKo7UJM8Kbg11sIxK\n"                       \
    "dzCqM05hQbTLf0o714Rbzau7get+YlgbPobEVpKxn0ZQqIEeV4JLoVU3dD/enjsM\n"                       \
    "zpgiFP5ff3UuM+1VOGtrkYbK0OIO/o2wApVF3sjrA0R+2Viz3fBfcIr0CcBc6wkP\n"                       \
    "cVVyGGpYRWs8bus3exU0UcWvVdo91lJ+d9vypkBcjgfaqjmXXkrBGcq8ttG75QF3\n"                       \
    "z+vba5pxrklEdDhwcV7ZCaQP2H4WnXiE4AXun96uTHfUoe7FBDguCBGVBwdp4Q7R\n"                       \
    "RCANV1zVQoD5+FX0OgTJuOVIm47jlWldop+jl49D/tEnY2xJBQ==\n"                                   \
    "-----END CERTIFICATE-----\n"

#define RSA_WEAK /* 1024 bits */                                                               \
    "-----BEGIN PUBLIC KEY-----\n"                                                             \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDmsMbJpfkLIBkdtpK+1X6OPcX5\n"                       \
    "OliZmYnFzZQF9m3N8x2MCz2c+fmnV2GB9TIrkO/XC0hSa4g6rx/uor/6JTMMOdjz\n"                       \
    "B221f6UCLRHd8xuaBmMRM1CrYI51+47hmjqkO1fgDBhcvlATHzgToJdnkGA9X2Uy\n"                       \
    "2NnftPpUAhnvZ16YcwIDAQAB\n"                                                               \
    "-----END PUBLIC KEY-----\n"

#define P256_PUBLIC                                                                            \
    "-----BEGIN PUBLIC KEY-----\n"                                                             \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzaElGDkEAMdHUn5wR5YqDxdvCO+X\n"                       \
    "7h7fYTfM54uOPCZV2aMjoB8w6n05oErw1BojcJsIO1ocDz0DKGe+C7zu5A==\n"                           \
    "-----END PUBLIC KEY-----\n"

#define P256_PRIVATE                                                                           \
    "-----BEGIN PRIVATE KEY-----\n"                                                            \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2XXZHMQ9iYDje7l3\n"                       \
    "Gd5e3HkLDCRuzVniuax0IdXGL6OhRANCAATNoSUYOQQAx0dSfnBHlioPF28I75fu\n"                       \
    "Ht9hN8zni448JlXZoyOgHzDqfTmgSvDUGiNwmwg7WhwPPQMoZ74LvO7k\n"                               \
    "-----END PRIVATE KEY-----\n"

#define P256_PRIVATE_SEC1 /* the same, in the older form */                                    \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                         \
    "MHcCAQEEINl12RzEPYmA43u5dxneXtx5Cwwkbs1Z4rmsdCHVxi+joAoGCCqGSM49\n"                       \
    "AwEHoUQDQgAEzaElGDkEAMdHUn5wR5YqDxdvCO+X7h7fYTfM54uOPCZV2aMjoB8w\n"                       \
    "6n05oErw1BojcJsIO1ocDz0DKGe+C7zu5A==\n"                                                   \
    "-----END EC PRIVATE KEY-----\n"

#define P256_CERTIFICATE                                                                       \
    "-----BEGIN CERTIFICATE-----\n"                                                            \
    "MIIBBDCBq6ADAgECAgEBMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXQwHhcNMjAw\n"                       \
    "MTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAMMQowCAYDVQQDDAF0MFkwEwYHKoZI\n"                       \
    "zj0CAQYIKoZIzj0DAQcDQgAEzaElGDkEAMdHUn5wR5YqDxdvCO+X7h7fYTfM54uO\n"                       \
    "PCZV2aMjoB8w6n05oErw1BojcJsIO1ocDz0DKGe+C7zu5DAKBggqhkjOPQQDAgNI\n"                       \
    "ADBFAiEAhgXqwJkLn+tTf0w9zXwX2mfE20eLwR0AM8oJJI10GyECIHQdrgvrU2Ye\n"                       \
    "b+2yWFAfU4F8HEBI77XLV5F9/JJ69EP3\n"                                                       \
    "-----END CERTIFICATE-----\n"

#define P256_LOCKED /* the same, encrypted */                                                  \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                                                  \
    "MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDvIBQHZNSCuXTbabb/\n"                       \
    "QHcZAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQrLxL8xqfMfUYNqoQ\n"                       \
    "36mGWgSBkIK1hhudy4xOFDiouRTUEGNalgisLRkZjvxS5/tUGmGKI20NxWO5tlMj\n"                       \
    "6fy4PLsDIPSlAgH4ddxJCU0KQ4jnaLD+cdZw63Mc+H81rIiBNlcqOCjH4REYTYkZ\n"                       \
    "rBUcSpT8j+lzop0H0yJL5zpmtrbnDX7pLwfN3ErbluL/hMh/tsyE6ld4R5HoeNow\n"                       \
    "A+T/84QX9g==\n"                                                                           \
    "-----END ENCRYPTED PRIVATE KEY-----\n"

#define P384_PUBLIC                                                                            \
    "-----BEGIN PUBLIC KEY-----\n"                                                             \
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEs/cF8wu1uz5yBWVpS2+o0O6NZSg72a/Q\n"                       \
    "BdX3GedbbKTMvz51Hnt6nWBdWYjmHtiPcd8UmQqgPLqIQQAZj50vykkrEHYc3SLt\n"                       \
    "WC17QhcjKyRzzJXPrzKcZdtbeXJu6+5S\n"                                                       \
    "-----END PUBLIC KEY-----\n"

#define ED25519_PUBLIC                                                                         \
    "-----BEGIN PUBLIC KEY-----\n"                                                             \
    "MCowBQYDK2VwAyEA1VmYJWg0OxMVFww4ndqHTxF8fV5RpRCKtWAKhzpZx3M=\n"                           \
    "-----END PUBLIC KEY-----\n"

#define ED25519_PRIVATE                                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                                            \
    "MC4CAQAwBQYDK2VwBCIEICPKzMEg0lc3I/CMahh8VpmdGHkvOx8m58IaJeaSnbH+\n"                       \
    "-----END PRIVATE KEY-----\n"

// Members of a JWK.

#define RSA_N                                                                                  \
    "r2vuQsblh-JNas4qHDOsZE30oksj_HN1EAi1Nm7tcdTMYwp5TYeWrl9aKOWUqL2-sTOtpbgvkqOGzE_iO3gdki"   \
    "diGnh0krYe3spJYmquUppcbJX2IeLmAUv9dxLjdYsjLAxlZLvYIL-C67HYqEB1IU26Y16uiGOvVp1RqhVJ9WW-"   \
    "wRSGdZf6Fmd4Z8phFju9bBj4ui7yZjTi6W9tWsczQDnXHCLvx_s5ZymlGnHJri6kAK4MdGabIYTtY9ZEYpz-Sm"   \
    "nYRpF6C2PT1TbQDD5Sh4SObA7GnkXGdfy-s0hlPrtL9uq7KAyc-UkvusaROfcCmWKQdhlOL-tVh3KP3Rdrvw"

#define RSA_WEAK_N                                                                             \
    "5rDGyaX5CyAZHbaSvtV-jj3F-TpYmZmJxc2UBfZtzfMdjAs9nPn5p1dhgfUyK5Dv1wtIUmuIOq8f7qK_-iUzDD"   \
    "nY8wdttX-lAi0R3fMbmgZjETNQq2COdfuO4Zo6pDtX4AwYXL5QEx84E6CXZ5BgPV9lMtjZ37T6VAIZ72demHM"

#define RSA_8192_N                                                                             \
    "tUFZCKf_pigHu65e8N_tidRqhTAbMcOWQfkx8fLzoCFIDyz7uuAjL4C8JfXXKNfXXYKSNXE82MPsg4rGbpFPTk"   \
    "7oVhZ5PUigZL6QUplvZhXqif4SPvSk8L54w8R6m6VCD9EAwyhfxo2L0l_hgnvTfQFS1Sprdk4C_7AgrHLq-Z_q"   \
    "ANna-9crW4tHMLTrTzukXkfmxe4JEKbFaoUwDSzjO_bz6x0GcWgg6TeUsu6Ezo1O9ByxulN97Ao0Oijt8XQPNu"   \
    "e8WIACaM1eIvXi6wKRW06vMu1b_HxNHyavHz8rhjx1qyyrCuLHHpnpvCHQUF35ElHr200GqKjLBTs6Fg494Q7n"   \
    "uA0sEk-KtbEJSupQKdVWjpc2oqI0bntySoE7POTWTrdsi17x-bQcrk-qLHzwDrF-tlET4mhdX_eeFJDjP5_mvU"   \
    "ycjjowcWHf_vWuciSpUIrUVrYsoLaqr4bTJ67I-nPXSxi4yb_IZekC9SGRyxINCX2ciH9rfBeGkKfFikuIdepL"   \
    "gWcmTfzD1xPrGWm-_OHfcONGqwFNfGFNLY4J3SfTxbdelMDEyxGoI3Rmo0Csh6w94NU3Dk2pe6KJCSstS9fvUH"   \
    "S1jd2H0phB1jTuoiE4z8ShFZS4IPYfCeBOs2-JLHJQp86NKYFu4W5XzdhYMVK9WxQWjP0DfuvazuYTqZvR6nFi"   \
    "oMTxGbItBFjIE-NzLEOLXPcrxPbfw_U1Ehi84Ji8vxdMsVa6LSKko41x_F2bf_oSibvJic_Nr-15VN-gj_58bR"   \
    "1bGRD6v0BAj9uXMa2_lDF5QpPzkyinZmbYHpTWJ3hp86skNIF54OlsDlL9_HCvlDuAOLiaz0ih77JSvEhBzziO"   \
    "HV8T3uz2aAQntSfIvzj0EBRn2o6hdvW4VM4jeU0qTjqeUfVL2GLHTFnqTzm06VCldV6yXQNfAxJft0caOHhRhH"   \
    "0hT3YvNeHapzhbqG53Sv0yTCSb6uUu-RXGhokY4hVzI96HXmW8g_FWAQO4pw8ND-TN3y8UgZue36-iMCU4BLNH"   \
    "-05VbJFTUO6GttRoSizvbQTCGJFS-m0kOlsTlneFLhE33mAsiCwCU2qlT2D46I_5CT1rPek4jZPdD8HlXkNekb"   \
    "_PFNpWbvd5hn5vIjlgM5j92PM9HEArPg_XsJjwBGM5Z8Eu6S0GEuFH_Kk-ZXNRQ6IWZn8GGo3qoHWkdg-5uu3_"   \
    "QuDw_vQRk0RBvdsAlLDB_Eyd8ptYj9laErbmgfAZG5yOar4cWGnhu_dtBBBB-W6IUg6pRYMOPb6iKcf4PI6Xpi"   \
    "zcgA5u_Wg-MRdVk4LIel_do5Hu9TUF0nLowoKQ-b-fMaJDHwGMh0H92nCAl7l8N4JgM0VAYJ9ITw"

#define P256_X "zaElGDkEAMdHUn5wR5YqDxdvCO-X7h7fYTfM54uOPCY"

#define P256_Y "VdmjI6AfMOp9OaBK8NQaI3CbCDtaHA89Ayhnvgu87uQ"

#define ED25519_X "1VmYJWg0OxMVFww4ndqHTxF8fV5RpRCKtWAKhzpZx3M"

#define ED25519_KID "UnF_2kx11CA7Q5ARfxtHA4aqENDqUbw3b0erMo-RhqA"

// As members of a JWK, and a set of such.

#define JWKS(keys)  "{\"keys\":[" keys "]}"
#define JWK_RSA     "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""
#define JWK_P256    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\""
#define JWK_ED25519 "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_X "\""
#define JWK_SECRET  "\"kty\":\"oct\",\"k\":\"YSBzZWNyZXQgb2YgMzIgYnl0ZXMsIGZvciB0ZXN0cy4\""

#define JWK_P256_OTHER /* the base point of the curve: nobody of ours signs with it */         \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","  \
    "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\""

// Tokens. That of ES256 has the kid "e", that of Ed25519 "d"; the salt of PSS is 32 bytes,
// or 20.

#define TOKEN_RS256                                                                            \
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIweDVhQWViNjA1M0YzRTk0QzliOUEwOWYzMzY2OTQzNUU3RWYxQmVBZ"   \
    "WQiLCJpc3MiOiJob3N0IiwiYXVkIjoiY2hhdCIsImV4cCI6MjAwMDAwMDAwMH0.D3P9IERSTtNpB4irBAsgJXK"   \
    "zq31l12__6z1u6oF6kHQifiZKqRTYybHERqWF3ygdGetjImJ1Y8XKglQ3KQ6lYPzx2gWvrizEIoYJa8mejX9qu"   \
    "V7apPJ6--ggo9YGu_LZYLlkxIJdF9r1ryIvSlOluRx2_yQnm36HF_GQcEINeauselgL3EkIaWBeajsaf7OL2Nt"   \
    "4KZW6UKXwDSmHjqje3cCdZkv7D8cxGlTnnEichhwKm2clXTGYF4ZcyQXHsY7G6YXjQCPM2Qmlfi6B7sElbFCTs"   \
    "QVNb1Hj-10op9Beajo9rYSC4uY5AgkpOzqzyisC-DVAHQkKpsLF25r3GfI-sA"

#define TOKEN_PS256                                                                            \
    "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiIweDVhQWViNjA1M0YzRTk0QzliOUEwOWYzMzY2OTQzNUU3RWYxQmVBZ"   \
    "WQiLCJpc3MiOiJob3N0IiwiYXVkIjoiY2hhdCIsImV4cCI6MjAwMDAwMDAwMH0.dBk3V09IDYGYFlXTeRyz35D"   \
    "7soas5vgwheC2nPvmCtUBGG8h8ddXfFPgy7l4FHO6-Xn1B8-i8OBzjF7SbDkyJmI7S0o9qrad8shgWFGDdfRpb"   \
    "IOREPEJTAizD4xqo9_74P-oWHg1FMMZXOkR0ViJ4mC4oC7gMDA_cFL87yT19qCCvbDTuze5yGueaYtYWKZRByQ"   \
    "26BHonX625qbMukTON5cQm1l_qz1a86eMCIleKLMvlhCxVrb0MTAfjC-v3bjTAP7zOyqUgDvi3yPp6XSfihNo9"   \
    "NMl1597GEio23JvEFc5vPDCzfxOtaVZV0PHmtyh9Nj4drPzjLrwNKjQolU94A"

#define TOKEN_PS256_SALT20                                                                     \
    "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiIweDVhQWViNjA1M0YzRTk0QzliOUEwOWYzMzY2OTQzNUU3RWYxQmVBZ"   \
    "WQiLCJpc3MiOiJob3N0IiwiYXVkIjoiY2hhdCIsImV4cCI6MjAwMDAwMDAwMH0.UTsB2JCPTZyRPL6wonrEOk_"   \
    "J-HjKKiSGwvDRh9-0PRPzxyclo5fb2K1dT3DK7VDZFWiqpJjgFuVTOcJN7GBNnbGFZmuq6Y5BFW7OEIsa6553C"   \
    "m1eVWVX5ZOOa_rr69g2zj-T1857UTxo5GsSD4aPBVIyc9OnrAm4bVZOI9HgPE83b5FwjHQZQhpajp1R3q4AD9E"   \
    "lndo_5G1nr2at8_qrtac8MRV6QRTdxp4pmmtlnB4K-IUGS_YWIbdtpFOUJ13HEaYXu2dt5qDF4U9HYMFwwg2Ro"   \
    "rNGkIdNxRuihl0sLralZHu6KBAjxs7trBYSrH0lBllcM9IlSSGABsLa9Ccjew"

#define TOKEN_ES256                                                                            \
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiIweDVhQWViNjA1M0YzRTk0Qzl"   \
    "iOUEwOWYzMzY2OTQzNUU3RWYxQmVBZWQiLCJpc3MiOiJob3N0IiwiYXVkIjoiY2hhdCIsImV4cCI6MjAwMDAwM"   \
    "DAwMH0.8s-COaY5s8n3rflkaSEiFm3e3z3wrpgwKcYMeCnX77LYbZqyVLX-JAX61Gzcc921qQBwSgFaKKVP1NF"   \
    "60evASg"

#define TOKEN_EDDSA                                                                            \
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIweDVhQWViNjA1M0YzRTk0QzliOUEwOWYzMzY2OTQzNUU3RWYxQmVBZ"   \
    "WQiLCJpc3MiOiJob3N0IiwiYXVkIjoiY2hhdCIsImV4cCI6MjAwMDAwMDAwMH0.Yuj5RUKxnv2y2FL2URpFIuC"   \
    "ex8Dw81BW-ln_y5PG3xMDc11JQCUet8HuHAN9VXUTWsN1LorkiKwiIW5FKU6PDg"

#define TOKEN_ED25519                                                                          \
    "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiZCJ9.eyJzdWIiOiIweDVhQWViNjA1M0YzRTk0QzliOUEwOWYzMzY2O"   \
    "TQzNUU3RWYxQmVBZWQiLCJpc3MiOiJob3N0IiwiYXVkIjoiY2hhdCIsImV4cCI6MjAwMDAwMDAwMH0.SGKowuD"   \
    "7yizkHv0FV4xfF-lD87joIDXZ6b333nsZyRz63lBdcwotHl4Hr99GAdAK_g8Jx14FPWepQPqvEm_cBA"
