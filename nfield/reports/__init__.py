"""Pages made from run folders: one self-contained HTML file per run, and one that compares several runs."""

from nfield.reports.comparison import write_comparison as write_comparison
from nfield.reports.report import write_report as write_report
