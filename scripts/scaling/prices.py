"""Prices in US dollars, each with where and when it was read. Nothing else in the model is a price.

They were read in stored copies of the pages named, whose age is unknown unless the source gives it. They are those of
us-east-1, of the first tier, without free allowances and discounts.
"""

from dataclasses import dataclass
from datetime import date

LOOKED_UP = date(2026, 11, 24)
NOT_VERIFIED = "not verified here"


@dataclass(frozen=True, slots=True)
class Price:
    """A published price.

    Attributes:
        dollars: for one unit.
        unit: what is counted.
        source: whose price, and who says so, with the day that the page itself gives.
        url: where it was read; empty: nowhere, and the source says `NOT_VERIFIED`.
        read: when.
    """

    dollars: float
    unit: str
    source: str
    url: str = ""
    read: date | None = None


GB_SECOND = Price(
    0.0000166667,
    "GB-second, x86",
    "AWS Lambda, up to 6 billion a month; a guide of 2024",
    "https://cloudchipr.com/blog/aws-lambda-pricing",
    LOOKED_UP,
)
LAMBDA_REQUEST = Price(
    0.20e-6,
    "invocation",
    "AWS Lambda; AWS's own whitepaper",
    "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html",
    LOOKED_UP,
)
S3_WRITE = Price(
    0.005e-3,
    "PUT",
    "Amazon S3 Standard; a guide",
    "https://c3x.dev/blog/s3-request-fees-explained",
    LOOKED_UP,
)
S3_READ = Price(
    0.0004e-3,
    "GET or HEAD",
    "Amazon S3 Standard; a guide",
    "https://c3x.dev/blog/s3-request-fees-explained",
    LOOKED_UP,
)
S3_GB_MONTH = Price(
    0.023,
    "GB and month",
    "Amazon S3 Standard, first 50 TB; a guide",
    "https://devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples",
    LOOKED_UP,
)
TABLE_WRITE = Price(
    0.625e-6,
    "write unit",
    "DynamoDB on demand, since November 2024; a guide of 2025-07-21",
    "https://airbyte.com/data-engineering-resources/dynamodb-pricing",
    LOOKED_UP,
)
TABLE_READ = Price(
    0.125e-6,
    "read unit",
    "DynamoDB on demand, since November 2024; a guide of 2025-07-21",
    "https://airbyte.com/data-engineering-resources/dynamodb-pricing",
    LOOKED_UP,
)
TABLE_GB_MONTH = Price(
    0.25,
    "GB and month",
    "DynamoDB, its index included; AWS's own page, an old copy",
    "https://aws.amazon.com/dynamodb/pricing/",
    LOOKED_UP,
)
RECOVERY_GB_MONTH = Price(0.20, "GB and month", f"DynamoDB point-in-time recovery; {NOT_VERIFIED}")
QUEUE_REQUEST = Price(
    0.40e-6,
    "request",
    "Amazon SQS, standard queue; a guide of 2026-03-14",
    "https://cloudburn.io/blog/amazon-sqs-pricing",
    LOOKED_UP,
)
EVENT = Price(
    1.00e-6,
    "custom event",
    "Amazon EventBridge; a guide of 2026-03-13",
    "https://cloudburn.io/blog/amazon-eventbridge-pricing",
    LOOKED_UP,
)
LOG_GB = Price(
    0.50,
    "GB ingested",
    "CloudWatch Logs; a guide of June 2026",
    "https://c3x.dev/blog/cloudwatch-logs-cost-optimization",
    LOOKED_UP,
)
LOG_GB_MONTH = Price(
    0.03,
    "GB and month",
    "CloudWatch Logs; a guide of June 2026",
    "https://c3x.dev/blog/cloudwatch-logs-cost-optimization",
    LOOKED_UP,
)
ALARM_METRIC = Price(
    0.10,
    "metric of an alarm",
    "CloudWatch, standard resolution; a guide",
    "https://c3x.dev/resources/aws/aws_cloudwatch_metric_alarm",
    LOOKED_UP,
)
CUSTOM_METRIC = Price(
    0.30,
    "custom metric",
    "CloudWatch, first 10,000; a guide of 2026-02-15",
    "https://signoz.io/guides/cloudwatch-pricing",
    LOOKED_UP,
)
DASHBOARD = Price(
    3.00,
    "dashboard",
    "CloudWatch; a guide of 2026-06-13",
    "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards.md",
    LOOKED_UP,
)
IMAGE_GB_MONTH = Price(
    0.10,
    "GB and month",
    "Amazon ECR, private; a guide of March 2026",
    "https://cloudburn.io/blog/amazon-ecr-pricing",
    LOOKED_UP,
)

PROCESSING = (
    GB_SECOND,
    LAMBDA_REQUEST,
    S3_WRITE,
    S3_READ,
    S3_GB_MONTH,
    TABLE_WRITE,
    TABLE_READ,
    QUEUE_REQUEST,
    EVENT,
    LOG_GB,
)
"""What a picture costs."""

STANDING = (
    ALARM_METRIC,
    CUSTOM_METRIC,
    DASHBOARD,
    QUEUE_REQUEST,
    IMAGE_GB_MONTH,
    TABLE_GB_MONTH,
    RECOVERY_GB_MONTH,
    LOG_GB_MONTH,
)
"""What a stack costs by the month."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Somebody else's price for the same renditions.

    Attributes:
        name: of the service.
        per_million: dollars for a million pictures in three sizes with AVIF, WebP and JPEG.
        basis: how that follows from what is published.
        source: who says so.
        url: where it was read.
        read: when.
    """

    name: str
    per_million: float
    basis: str
    source: str
    url: str
    read: date


ALTERNATIVES = (
    Alternative(
        "Cloudflare Images, transformations",
        1500.0,
        "3 sizes a picture at $0.50 per 1,000 unique transformations (formats are not counted), for each month in "
        "which they are asked for",
        "Cloudflare's documentation",
        "https://developers.cloudflare.com/images/pricing/",
        LOOKED_UP,
    ),
    Alternative(
        "Cloudinary, credits",
        3560.0,
        "9 derived files a picture, at 1,000 transformations a credit and the Plus plan's $89 a month, paid by the "
        "year, for 225 credits; 9,000 credits are beyond the plans with a published price",
        "a third party's list of its plans of 2026-05-04, not compared with Cloudinary's own page; what a credit buys: "
        "its documentation of 2024-11-06",
        "https://raw.githubusercontent.com/api-evangelist/cloudinary/refs/heads/main/plans/cloudinary-plans-pricing.yml",
        LOOKED_UP,
    ),
)
"""Both also store and deliver, which here is paid apart; neither figure holds traffic."""
