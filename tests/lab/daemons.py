"""How each genuine daemon is started as a device of the laboratory: in the foreground, with a small
configuration of its own, and never touching the machine's own files or accounts."""

import shutil
import subprocess
from pathlib import Path

from probe.demo.spec import Program

SBIN = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
PACKAGE = {
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "dropbear": "dropbear-bin",
    "dropbearkey": "dropbear-bin",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "lighttpd": "lighttpd",
    "nginx": "nginx-light",
    "snmpd": "snmpd",
    "dnsmasq": "dnsmasq-base",
    "vsftpd": "vsftpd",
    "busybox": "busybox-static",
    "login": "login",
    "redis-server": "redis-server",
    "coap-server-notls": "libcoap3-bin",
    "in.tftpd": "tftpd-hpa",
    "radvd": "radvd",
    "nft": "nftables",
}


def path_of(tool: str) -> str:
    """The program's absolute path, or raises LookupError with the Debian package that has it."""
    found = shutil.which(tool, path=SBIN)
    if found is None:
        raise LookupError(f"{tool} (Debian package {PACKAGE[tool]})")
    return found


def mosquitto(folder: Path, *, password: tuple[str, str] | None = None) -> Program:
    lines = ["listener 1883", "user root", "persistence false"]
    if password is None:
        lines.append("allow_anonymous true")
    else:
        file = folder / "passwords"
        argv = [path_of("mosquitto_passwd"), "-b", "-c", str(file), *password]
        subprocess.run(argv, check=True, capture_output=True)
        lines += ["allow_anonymous false", f"password_file {file}"]
    conf = _write(folder / "mosquitto.conf", lines)
    return Program(argv=(path_of("mosquitto"), "-c", str(conf)), tcp=(1883,))


def lighttpd(folder: Path, *, method: str, port: int = 80, only_ipv6: bool = False) -> Program:
    """A page behind ``basic`` or ``digest`` with admin/admin, or open with ``none``."""
    root = folder / f"www-{port}"
    root.mkdir()
    (root / "index.html").write_text("<html><head><title>Status</title></head>ok</html>\n")
    users = _write(folder / "users", ["admin:admin"])
    lines = [
        f'server.document-root = "{root}"',
        f"server.port = {port}",
        'server.bind = "[::]"',
        f'server.set-v6only = "{"enable" if only_ipv6 else "disable"}"',
        'index-file.names = ("index.html")',
        'server.modules = ("mod_auth", "mod_authn_file")',
        'mimetype.assign = (".html" => "text/html")',
    ]
    if method != "none":
        rule = f'"method" => "{method}", "realm" => "device", "require" => "valid-user"'
        lines += [
            'auth.backend = "plain"',
            f'auth.backend.plain.userfile = "{users}"',
            f'auth.require = ("/" => ({rule}))',
        ]
    conf = _write(folder / f"lighttpd-{port}.conf", lines)
    return Program(argv=(path_of("lighttpd"), "-D", "-f", str(conf)), tcp=(port,))


def nginx(folder: Path, material: bytes, *, legacy: bool, port: int = 443) -> Program:
    """HTTPS; ``legacy`` offers everything from TLS 1.0 on, otherwise 1.2 and 1.3 with forward secrecy."""
    (folder / "server.pem").write_bytes(material)
    www = folder / "www"
    www.mkdir()
    (www / "index.html").write_text("<html><head><title>Hub</title></head>hub</html>\n")
    if legacy:
        tls = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers 'ALL:eNULL:@SECLEVEL=0';"
    else:
        tls = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers 'ECDHE+AESGCM:ECDHE+CHACHA20';"
    lines = [
        "user root;",
        "worker_processes 1;",
        f"pid {folder}/nginx.pid;",
        f"error_log {folder}/error.log;",
        "events { worker_connections 64; }",
        "http {",
        "  server_tokens off;",
        f"  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;",
        f"  fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi;",
        f"  scgi_temp_path {folder}/scgi;",
        "  server {",
        f"    listen {port} ssl; listen [::]:{port} ssl; root {www};",
        f"    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;",
        f"    {tls}",
        "  }",
        "}",
    ]
    conf = _write(folder / "nginx.conf", lines)
    argv = (path_of("nginx"), "-e", f"{folder}/error.log", "-c", str(conf), "-g", "daemon off;")
    return Program(argv=argv, tcp=(port,))


def snmpd(folder: Path) -> Program:
    lines = ["rocommunity public", "rocommunity6 public", "sysDescr Hub H-2 firmware 4.1.7"]
    lines.append("agentaddress udp:161,udp6:161")
    conf = _write(folder / "snmpd.conf", lines)
    argv = (path_of("snmpd"), "-f", "-Lo", "-C", "-c", str(conf), "-p", f"{folder}/snmpd.pid")
    state = {"SNMP_PERSISTENT_DIR": str(folder)}
    return Program(argv=argv, udp=(161,), environment=state)


def vsftpd(folder: Path) -> Program:
    """FTP that lets anybody in."""
    for name in ("empty", "files"):
        (folder / name).mkdir()
    (folder / "files" / "config.bak").write_text("nothing of interest\n")
    for name in ("empty", "files"):
        (folder / name).chmod(0o555)
    lines = [
        "listen=YES",
        "listen_ipv6=NO",
        "anonymous_enable=YES",
        "local_enable=NO",
        "no_anon_password=NO",
        f"anon_root={folder}/files",
        f"secure_chroot_dir={folder}/empty",
        "seccomp_sandbox=NO",
        "background=NO",
        "ftpd_banner=NAS N-4",
    ]
    conf = _write(folder / "vsftpd.conf", lines)
    return Program(argv=(path_of("vsftpd"), str(conf)), tcp=(21,))


def redis(folder: Path) -> Program:
    options = ["--protected-mode", "no", "--save", "", "--dir", str(folder), "--bind", "0.0.0.0"]
    return Program(argv=(path_of("redis-server"), *options), tcp=(6379,))


def dropbear(folder: Path) -> Program:
    key = folder / "host.key"
    argv = [path_of("dropbearkey"), "-t", "rsa", "-s", "2048", "-f", str(key)]
    subprocess.run(argv, check=True, capture_output=True)
    options = ("-F", "-E", "-r", str(key), "-p", "22", "-P", f"{folder}/dropbear.pid")
    return Program(argv=(path_of("dropbear"), *options), tcp=(22,))


def openssh(folder: Path) -> Program:
    """SSH that takes keys only."""
    key = folder / "host.key"
    argv = [path_of("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(argv, check=True, capture_output=True)
    lines = [
        f"HostKey {key}",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        f"PidFile {folder}/sshd.pid",
    ]
    conf = _write(folder / "sshd.conf", lines)
    return Program(argv=(path_of("sshd"), "-D", "-e", "-f", str(conf)), tcp=(22,))


def telnetd() -> Program:
    busybox = path_of("busybox")
    applets = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    if "telnetd" not in applets.stdout.split():
        raise LookupError("busybox with telnetd (Debian package busybox-static)")
    argv = (busybox, "telnetd", "-F", "-p", "23", "-l", path_of("login"))
    return Program(argv=argv, tcp=(23,))


def dnsmasq(folder: Path) -> Program:
    lines = [
        "no-resolv",
        "no-hosts",
        "user=root",
        "group=root",
        "address=/device.example/198.51.100.3",
    ]
    lines += ["pid-file=", "port=53"]
    conf = _write(folder / "dnsmasq.conf", lines)
    return Program(argv=(path_of("dnsmasq"), "-k", "-C", str(conf), "--log-facility=-"), udp=(53,))


def radvd(folder: Path) -> Program:
    """Announces 2001:db8:51::/64 with autonomous configuration, and no default route."""
    lines = [
        "interface eth0 {",
        "  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 5; AdvDefaultLifetime 0;",
        "  prefix 2001:db8:51::/64 { AdvOnLink on; AdvAutonomous on; };",
        "};",
    ]
    conf = _write(folder / "radvd.conf", lines)
    argv = (path_of("radvd"), "-n", "-C", str(conf), "-m", "stderr", "-p", f"{folder}/radvd.pid")
    return Program(argv=argv)


def coap() -> Program:
    return Program(argv=(path_of("coap-server-notls"), "-A", "0.0.0.0", "-p", "5683"), udp=(5683,))


def tftpd(folder: Path) -> Program:
    root = folder / "tftp"
    root.mkdir()
    argv = (path_of("in.tftpd"), "-L", "-4", "-a", "0.0.0.0:69", "-u", "root", "-s", str(root))
    return Program(argv=argv, udp=(69,))


def accounts(**passwords: str) -> tuple[tuple[str, str], ...]:
    """/etc/passwd and /etc/shadow for one device alone, with these users and their passwords."""
    hashed = {user: _crypt(password) for user, password in passwords.items()}
    people = "".join(f"{u}:x:0:0::/:/bin/sh\n" for u in hashed if u != "root")
    passwd = f"root:x:0:0:root:/:/bin/sh\nsshd:x:108:65534::/run/sshd:/bin/false\n{people}"
    shadow = "".join(f"{user}:{value}:19000:0:99999:7:::\n" for user, value in hashed.items())
    return (("/etc/passwd", passwd), ("/etc/shadow", shadow))


def _crypt(password: str) -> str:
    argv = ["openssl", "passwd", "-6", "-salt", "laboratory", password]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def _write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path
