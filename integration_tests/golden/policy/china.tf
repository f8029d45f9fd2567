locals {
  destination_s3_permissions = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindFiles"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = "arn:aws-cn:s3:::acme-lake"
      },
      {
        Sid      = "ReadAndWriteFiles"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "arn:aws-cn:s3:::acme-lake/*"
      },
      {
        Sid      = "DiscardUnfinishedUploads"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload"]
        Resource = "arn:aws-cn:s3:::acme-lake/*"
      },
    ]
  })
}

resource "aws_iam_policy" "destination_s3" {
  name   = "destination-s3"
  policy = local.destination_s3_permissions
}
