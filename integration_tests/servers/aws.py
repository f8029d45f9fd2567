"""An AWS with enforced permissions on loopback, and hands to set it up and look into it.

One JSON object per line on stdin, one per line on stdout: {"do": NAME, ...} -> {"ok": ...} or {"error": TEXT}. The first
line of stdout is {"ok": {"endpoint": URL}}. The process ends with its stdin.

moto serves S3, STS and IAM. Whoever sets things up is an administrator; everybody else may do what their policies say.
"""

import json
import sys

import boto3
import requests
from botocore.config import Config
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def client(name, endpoint, key, region=REGION):
    return boto3.client(
        name,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key["id"],
        aws_secret_access_key=key["secret"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def objects(s3, bucket):
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            found[entry["Key"]] = body.hex()
    return found


class Aws:
    """moto, with its enforcement switched on."""

    def __init__(self):
        # Port 0: a free one.
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        anybody = {"id": "anybody", "secret": "anybody"}
        iam = client("iam", self.endpoint, anybody)
        iam.create_user(UserName="administrator")
        iam.put_user_policy(UserName="administrator", PolicyName="all", PolicyDocument=json.dumps(ALL))
        key = iam.create_access_key(UserName="administrator")["AccessKey"]
        self.key = {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        self.iam = client("iam", self.endpoint, self.key)
        self.s3 = client("s3", self.endpoint, self.key)
        requests.post(
            f"{self.endpoint}/moto-api/reset-auth", data="0", headers={"Content-Type": "text/plain"}, timeout=30
        ).raise_for_status()

    def bucket(self, name):
        self.s3.create_bucket(Bucket=name)

    def user(self, name, policy):
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        self.iam.put_user_policy(UserName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"arn": arn, "id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    def role(self, name, trust, policy):
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        self.iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
        return made["Role"]["Arn"]

    def objects(self, bucket):
        return objects(self.s3, bucket)

    def uploads(self, bucket):
        return len(self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


class Elsewhere:
    """Another store: only looked into."""

    def objects(self, endpoint, key, region, bucket):
        return objects(client("s3", endpoint, key, region), bucket)


def main():
    store = Elsewhere() if sys.argv[1:] == ["elsewhere"] else Aws()
    print(json.dumps({"ok": {"endpoint": getattr(store, "endpoint", None)}}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"ok": getattr(store, command.pop("do"))(**command)}
        except Exception as error:  # whatever it is, the test says it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
