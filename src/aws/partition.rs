//! The partitions of AWS: separate clouds that share no accounts, keys or host names.
//!
//! A region, an ARN or a host name -> its [`Partition`]. Pure.
//!
//! Invariants
//! - This is the only table of partitions. It has the values of `partitions.json` of the AWS SDKs
//!   (<https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json>), which the
//!   endpoint rules of the SDK's own clients use, too.
//! - A region that no other partition claims is in `aws`, as in the SDK.

/// One cloud of AWS.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The second part of every ARN in it.
    pub id: &'static str,
    /// What the names of its regions begin with. Empty for `aws`, which has all other regions.
    region_prefix: &'static str,
    /// A region that every account can use: its STS knows all keys of the partition, its S3 all
    /// buckets.
    pub first_region: &'static str,
    /// What the host names of its services end with.
    dns_suffix: &'static str,
    /// The same for dual-stack (IPv6) endpoints, where a service has other names for them.
    dual_stack_dns_suffix: &'static str,
}

/// All partitions. `aws` is the first.
static PARTITIONS: [Partition; 8] = [
    Partition {
        id: "aws",
        region_prefix: "",
        first_region: "us-east-1",
        dns_suffix: "amazonaws.com",
        dual_stack_dns_suffix: "api.aws",
    },
    Partition {
        id: "aws-cn",
        region_prefix: "cn-",
        first_region: "cn-north-1",
        dns_suffix: "amazonaws.com.cn",
        dual_stack_dns_suffix: "api.amazonwebservices.com.cn",
    },
    Partition {
        id: "aws-us-gov",
        region_prefix: "us-gov-",
        first_region: "us-gov-west-1",
        dns_suffix: "amazonaws.com",
        dual_stack_dns_suffix: "api.aws",
    },
    Partition {
        id: "aws-eusc",
        region_prefix: "eusc-",
        first_region: "eusc-de-east-1",
        dns_suffix: "amazonaws.eu",
        dual_stack_dns_suffix: "api.amazonwebservices.eu",
    },
    Partition {
        id: "aws-iso",
        region_prefix: "us-iso-",
        first_region: "us-iso-east-1",
        dns_suffix: "c2s.ic.gov",
        dual_stack_dns_suffix: "api.aws.ic.gov",
    },
    Partition {
        id: "aws-iso-b",
        region_prefix: "us-isob-",
        first_region: "us-isob-east-1",
        dns_suffix: "sc2s.sgov.gov",
        dual_stack_dns_suffix: "api.aws.scloud",
    },
    Partition {
        id: "aws-iso-e",
        region_prefix: "eu-isoe-",
        first_region: "eu-isoe-west-1",
        dns_suffix: "cloud.adc-e.uk",
        dual_stack_dns_suffix: "api.cloud-aws.adc-e.uk",
    },
    Partition {
        id: "aws-iso-f",
        region_prefix: "us-isof-",
        first_region: "us-isof-south-1",
        dns_suffix: "csp.hci.ic.gov",
        dual_stack_dns_suffix: "api.aws.hci.ic.gov",
    },
];

impl Partition {
    /// Returns the partition `aws`, the default.
    #[must_use]
    pub(crate) fn aws() -> &'static Self {
        let [aws, ..] = &PARTITIONS;
        aws
    }

    /// Returns the partition of a region.
    #[must_use]
    pub(crate) fn of_region(region: &str) -> &'static Self {
        let [aws, others @ ..] = &PARTITIONS;
        others.iter().find(|partition| region.starts_with(partition.region_prefix)).unwrap_or(aws)
    }

    /// Returns the partition that an ARN names, if this table has it.
    #[must_use]
    pub(crate) fn of_arn(arn: &str) -> Option<&'static Self> {
        let id = arn.strip_prefix("arn:")?.split(':').next()?;
        PARTITIONS.iter().find(|partition| partition.id == id)
    }

    /// Returns the partition of an AWS host, such as a VPC endpoint. `None`: the host is not one of
    /// AWS.
    #[must_use]
    pub(crate) fn of_host(host: &str) -> Option<&'static Self> {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let is_below =
            |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
        let mut fitting = PARTITIONS.iter().filter(|partition| {
            is_below(partition.dns_suffix) || is_below(partition.dual_stack_dns_suffix)
        });
        let first = fitting.next()?;
        // Two partitions share their suffixes: the region in the host name tells them apart.
        let has_region = |partition: &&Self| {
            host.split('.').any(|label| label.starts_with(partition.region_prefix))
        };
        Some(fitting.find(has_region).unwrap_or(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_in_one_partition() {
        let table = [
            ("us-east-1", "aws"),
            ("eu-west-1", "aws"),
            ("il-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-gov-east-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("us-isob-west-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("us-isof-east-1", "aws-iso-f"),
            ("garage", "aws"),
            ("", "aws"),
        ];
        for (region, expected) in table {
            assert_eq!(Partition::of_region(region).id, expected, "{region}");
        }
    }

    #[test]
    fn each_partition_has_its_own_first_region_and_arns() {
        for partition in &PARTITIONS {
            assert_eq!(Partition::of_region(partition.first_region), partition);
            let arn = format!("arn:{}:iam::111122223333:role/lake", partition.id);
            assert_eq!(Partition::of_arn(&arn), Some(partition));
        }
        for other in ["arn:gcp:iam::111122223333:role/lake", "arn:aws-new:s3:::b", "aws", ""] {
            assert_eq!(Partition::of_arn(other), None, "{other}");
        }
    }

    #[test]
    fn the_hosts_of_aws_are_told_from_other_hosts() {
        let table = [
            ("s3.eu-west-1.amazonaws.com", Some("aws")),
            ("bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com", Some("aws")),
            ("s3.dualstack.eu-west-1.amazonaws.com", Some("aws")),
            ("sts.eu-west-1.api.aws", Some("aws")),
            ("S3.CN-North-1.AMAZONAWS.com.cn.", Some("aws-cn")),
            ("sts.cn-north-1.api.amazonwebservices.com.cn", Some("aws-cn")),
            ("s3-fips.us-gov-west-1.amazonaws.com", Some("aws-us-gov")),
            ("sts.us-gov-west-1.api.aws", Some("aws-us-gov")),
            ("s3.eusc-de-east-1.amazonaws.eu", Some("aws-eusc")),
            ("sts.eusc-de-east-1.api.amazonwebservices.eu", Some("aws-eusc")),
            ("s3.us-iso-east-1.c2s.ic.gov", Some("aws-iso")),
            ("s3.us-isob-east-1.sc2s.sgov.gov", Some("aws-iso-b")),
            ("s3.eu-isoe-west-1.cloud.adc-e.uk", Some("aws-iso-e")),
            ("s3.us-isof-south-1.csp.hci.ic.gov", Some("aws-iso-f")),
            ("amazonaws.com.example.com", None),
            ("notamazonaws.com", None),
            ("amazonaws.eu", None),
            ("minio.example.com", None),
            ("127.0.0.1", None),
            ("", None),
        ];
        for (host, expected) in table {
            assert_eq!(Partition::of_host(host).map(|partition| partition.id), expected, "{host}");
        }
    }
}
