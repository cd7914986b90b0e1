"""A Modbus device of pymodbus on loopback: ``python modbus_device.py PORT yes|no``, with identification."""

import asyncio
import sys


async def main(port: str, identity: str) -> None:
    from pymodbus import ModbusDeviceIdentification
    from pymodbus.server import StartAsyncTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    said = {0: "Maker", 1: "PLC-1", 2: "1.2.3"}
    device = SimDevice(
        id=1,
        simdata=[SimData(0, values=[17] * 10, datatype=DataType.REGISTERS)],
    )
    await StartAsyncTcpServer(
        device,
        identity=ModbusDeviceIdentification(info=said) if identity == "yes" else None,
        address=("127.0.0.1", int(port)),
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
