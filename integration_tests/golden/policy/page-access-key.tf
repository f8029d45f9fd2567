locals {
  destination_s3_permissions = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindFiles"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = "arn:aws:s3:::your-s3-bucket-name"
      },
      {
        Sid      = "ReadAndWriteFiles"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "arn:aws:s3:::your-s3-bucket-name/*"
      },
      {
        Sid      = "DiscardUnfinishedUploads"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload"]
        Resource = "arn:aws:s3:::your-s3-bucket-name/*"
      },
    ]
  })
}

resource "aws_iam_policy" "destination_s3" {
  name   = "destination-s3"
  policy = local.destination_s3_permissions
}
