"""Prices in US dollars, each with where and when it was read. Nothing else in the model is a price."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """A published price.

    Attributes:
        dollars: for one unit.
        unit: what is counted.
        source: who publishes it, and when it was read or last known to change.
    """

    dollars: float
    unit: str
    source: str


_REGION = "us-east-1"
GB_SECOND = Price(0.0000166667, "GB-second, x86", f"AWS Lambda pricing, {_REGION}; a public copy of 2026")
LAMBDA_REQUEST = Price(0.20e-6, "invocation", f"AWS Lambda pricing, {_REGION}; read 2026-09-20")
S3_WRITE = Price(0.005e-3, "PUT", f"Amazon S3 pricing, Standard, {_REGION}; well known, unchanged for years")
S3_READ = Price(0.0004e-3, "GET or HEAD", f"Amazon S3 pricing, Standard, {_REGION}; well known, unchanged for years")
S3_GB_MONTH = Price(0.023, "GB and month", f"Amazon S3 pricing, Standard, first 50 TB, {_REGION}; well known")
TABLE_WRITE = Price(0.625e-6, "write unit", f"DynamoDB on-demand pricing, {_REGION}, since 2024-11-01")
TABLE_READ = Price(0.125e-6, "read unit", f"DynamoDB on-demand pricing, {_REGION}, since 2024-11-01")
QUEUE_REQUEST = Price(0.40e-6, "request", f"Amazon SQS pricing, standard queue, {_REGION}; well known")
EVENT = Price(1.00e-6, "custom event", f"Amazon EventBridge pricing, {_REGION}; well known")
LOG_GB = Price(0.50, "GB ingested", f"CloudWatch Logs pricing, {_REGION}; well known")

ALL = (
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


@dataclass(frozen=True, slots=True)
class Alternative:
    """Somebody else's price for the same renditions.

    Attributes:
        name: of the service.
        per_million: dollars for a million pictures in three sizes with AVIF, WebP and JPEG.
        basis: how that follows from what is published.
        source: where and when.
    """

    name: str
    per_million: float
    basis: str
    source: str


ALTERNATIVES = (
    Alternative(
        "Cloudflare Images, transformations",
        1500.0,
        "3 sizes a picture at $0.50 per 1,000 unique transformations (formats are not counted), for each month in "
        "which they are asked for",
        "developers.cloudflare.com/images/pricing as quoted in public threads of 2024 to 2026",
    ),
    Alternative(
        "Cloudinary, credits",
        3560.0,
        "9 derived files a picture at 1,000 transformations a credit, and $89 a month for 225 credits",
        "list prices as quoted by comparisons of 2026; plans change often, and large ones are negotiated",
    ),
)
"""Both also store and deliver, which here is paid apart; neither figure holds traffic."""
