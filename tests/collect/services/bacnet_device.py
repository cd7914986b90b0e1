"""A BACnet device of bacpypes3 on loopback: ``python bacnet_device.py PORT``, instance 1234."""

import asyncio
import sys


async def main(port: str) -> None:
    from bacpypes3.app import Application
    from bacpypes3.argparse import SimpleArgumentParser

    words = ["--address", f"127.0.0.1/8:{port}", "--instance", "1234", "--name", "AHU-1"]
    parsed = SimpleArgumentParser().parse_args([*words, "--vendoridentifier", "999"])
    kept = Application.from_args(parsed)
    await asyncio.Event().wait()
    del kept


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
