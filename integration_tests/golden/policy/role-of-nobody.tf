locals {
  destination_s3_permissions = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindFiles"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = "arn:aws:s3:::acme-lake"
      },
      {
        Sid      = "ReadAndWriteFiles"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "arn:aws:s3:::acme-lake/*"
      },
      {
        Sid      = "DiscardUnfinishedUploads"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload"]
        Resource = "arn:aws:s3:::acme-lake/*"
      },
    ]
  })

  destination_s3_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = "sts:AssumeRole"
        Principal = {
          AWS = "ACCOUNT_ID_OF_WHOEVER_RUNS_THE_CONNECTOR"
        }
        Condition = {
          StringEquals = {
            "sts:ExternalId" = "an-external-id"
          }
        }
      },
    ]
  })
}

resource "aws_iam_policy" "destination_s3" {
  name   = "destination-s3"
  policy = local.destination_s3_permissions
}

resource "aws_iam_role" "destination_s3" {
  name               = "lake-writer"
  path               = "/data/"
  assume_role_policy = local.destination_s3_trust
}

resource "aws_iam_role_policy_attachment" "destination_s3" {
  role       = aws_iam_role.destination_s3.name
  policy_arn = aws_iam_policy.destination_s3.arn
}
