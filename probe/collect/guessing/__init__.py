"""What holds back somebody who tries one password after another; only with permission, last of all."""
