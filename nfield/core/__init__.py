"""Types that cross folders, checks, configurations, devices, precision and seeds."""
