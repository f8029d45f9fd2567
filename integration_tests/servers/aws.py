"""An AWS with enforced permissions on loopback, and commands to set it up and to read and change
buckets, also of another store.

One JSON object per line on stdin, one per line on stdout: {"do": NAME, ...} -> {"ok": ...} or
{"error": TEXT}. The first line of stdout is {"ok": {"endpoint": URL}}, or {"ok": {}} with the
argument "elsewhere": then nothing is served, and each command names a store. The process ends when
its stdin closes.

moto serves S3, STS and IAM. The set-up commands run as an administrator; everyone else may do what
their policies allow.
"""

import json
import sys

import boto3
from botocore.config import Config

REGION = "us-east-1"
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def client(name, endpoint, key, region=REGION):
    return boto3.client(
        name,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key["id"],
        aws_secret_access_key=key["secret"],
        config=Config(
            s3={"addressing_style": "path"},
            retries={"max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class Aws:
    """Starts moto with enforced permissions."""

    def __init__(self):
        # Imported here: it takes two seconds, and other stores do not need it.
        import requests
        from moto.server import ThreadedMotoServer

        # Port 0 means any free port.
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

    def hello(self):
        return {"endpoint": self.endpoint}

    def bucket(self, name):
        self.s3.create_bucket(Bucket=name)

    def deny(self, name, action):
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{name}/*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))

    def user(self, name, policy):
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        self.iam.put_user_policy(UserName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"arn": arn, "id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    def role(self, name, trust, policy):
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        self.iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
        return made["Role"]["Arn"]

    def store(self, bucket):
        return Bucket(self.s3, bucket)


class Elsewhere:
    """Another store, of which only buckets are used."""

    def __init__(self):
        self.clients = {}

    def hello(self):
        return {}

    def store(self, endpoint, key, region, bucket):
        if endpoint not in self.clients:
            self.clients[endpoint] = client("s3", endpoint, key, region)
        return Bucket(self.clients[endpoint], bucket)


class Bucket:
    """Reads a bucket, and changes it as another program would."""

    def __init__(self, s3, name):
        self.s3 = s3
        self.name = name

    def keys(self):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def objects(self):
        contents = {}
        for key in self.keys():
            try:
                contents[key] = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read().hex()
            except self.s3.exceptions.NoSuchKey:
                pass  # removed since the listing
        return contents

    def describe(self, object):
        head = self.s3.head_object(Bucket=self.name, Key=object)
        return head["Metadata"], head.get("ContentType")

    def put(self, object, content, metadata):
        self.s3.put_object(Bucket=self.name, Key=object, Body=bytes.fromhex(content), Metadata=metadata)

    def remove(self, object):
        self.s3.delete_object(Bucket=self.name, Key=object)

    def uploads(self):
        return len(self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", []))


def answer(command, program):
    # Commands on a bucket name it in "in".
    place = command.pop("in", None)
    subject = program if place is None else program.store(**place)
    return getattr(subject, command.pop("do"))(**command)


def main():
    program = Elsewhere() if sys.argv[1:] == ["elsewhere"] else Aws()
    print(json.dumps({"ok": program.hello()}), flush=True)
    for line in sys.stdin:
        try:
            reply = {"ok": answer(json.loads(line), program)}
        except Exception as error:  # the test reports it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
