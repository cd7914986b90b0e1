"""The helper process: the only holder of raw sockets and the only importer of scapy."""
