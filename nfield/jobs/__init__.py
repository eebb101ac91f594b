"""What nfield can be asked to fit: one folder a job, and what all jobs share."""
