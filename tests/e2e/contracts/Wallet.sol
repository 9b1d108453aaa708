// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// What its owner has signed, it has signed (ERC-1271). Whoever asks may change it: there is
/// nothing in it.
contract Wallet {
    bytes4 private constant MAGIC = 0x1626ba7e;

    address public owner;
    mapping(bytes32 => bool) public isApproved;

    constructor(address owner_) {
        owner = owner_;
    }

    function setOwner(address owner_) external {
        owner = owner_;
    }

    /// An empty signature is good for it from now on, as with a Safe.
    function approve(bytes32 hash) external {
        isApproved[hash] = true;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        return isSigned(hash, signature) ? MAGIC : bytes4(0xffffffff);
    }

    function isSigned(bytes32 hash, bytes calldata signature) private view returns (bool) {
        if (signature.length == 0) return isApproved[hash];
        if (signature.length != 65) return false;
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        address signer = ecrecover(hash, uint8(signature[64]), r, s);
        return signer != address(0) && signer == owner;
    }
}
