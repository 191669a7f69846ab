"""`python -m handschlag`: the same command where no script is installed."""

from handschlag.cli import main

main()
