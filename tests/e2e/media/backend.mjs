/** An object store for the files of a server, like OWN_DISK. */
import { HeadObjectCommand } from '@aws-sdk/client-s3';

/**
 * @param swift     what runs
 * @param endpoint  another way to it
 */
export function backendOf(swift, endpoint = swift.env.S3_ENDPOINT) {
    const { S3_REGION: region, S3_BUCKET: Bucket, S3_ACCESS_KEY: access } = swift.env;
    const client = swift.client();
    return {
        swift,
        options: [
            '--media=s3', `--s3-endpoint=${endpoint}`, `--s3-region=${region}`,
            `--s3-bucket=${Bucket}`, `--s3-access-key=${access}`, '--s3-path-style=on',
        ],
        env: { PARLEY_S3_SECRET_KEY: swift.env.S3_SECRET_KEY },
        has: (_, where, id) => client.send(new HeadObjectCommand({ Bucket, Key: `${where}/${id}` }))
            .then(() => true, (error) => {
                if (error.$metadata?.httpStatusCode === 404) return false;
                throw error;
            }),
    };
}
