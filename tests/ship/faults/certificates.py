# SPDX-License-Identifier: Apache-2.0
"""Receivers that are not who they should be get nothing, and the operator gets the reason."""

import os
import ssl

from case import account, settle, wait_delivered, webhook
from stage import fill, wait_for

AUTHORITY = ("-subj", "/CN=the authority", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE")


def key_pair(case, name, *options):
    path = os.path.join(case.work, name)
    case.run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", f"{path}.key", "-out", f"{path}.pem", *options,
    )  # fmt: skip
    return path


def signed(case, name, authority, address="127.0.0.1", begin=None, end=None):
    """A server's certificate of the authority, good from and to such days before now ("20200101000000Z")."""
    path = os.path.join(case.work, name)
    case.run(
        "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", f"{path}.key", "-out", f"{path}.csr", "-subj", f"/CN={name}",
    )  # fmt: skip
    with open(f"{path}.cnf", "w") as f:
        f.write(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={path}.db\nnew_certs_dir={case.work}\nrand_serial=yes\n"
            f"default_md=sha256\npolicy=any\nx509_extensions=server\n[any]\ncommonName=supplied\n"
            f"[server]\nsubjectAltName={'IP' if address[0].isdigit() else 'DNS'}:{address}\n"
        )
    open(f"{path}.db", "w").close()
    dates = ("-startdate", begin, "-enddate", end) if begin else ("-days", "10")
    case.run(
        "openssl", "ca", "-batch", "-config", f"{path}.cnf", "-cert", f"{authority}.pem", "-keyfile",
        f"{authority}.key", "-in", f"{path}.csr", "-out", f"{path}.pem", "-notext", *dates,
    )  # fmt: skip
    return path


def serve(case, pair, **settings):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pair}.pem", f"{pair}.key")
    for name, value in settings.items():
        setattr(context, name, value)
    return case.receiver(context=context)


def test_impostors(case):
    """Self-signed, of another authority, for another name, expired, not yet good, no TLS: nothing is sent, and why is said"""
    authority = key_pair(case, "authority", *AUTHORITY)
    stranger = key_pair(case, "stranger", *AUTHORITY)
    trusted = f"{{ca_file: {authority}.pem}}"
    plain = case.receiver()
    impostors = {
        "self-signed": (serve(case, key_pair(case, "self", "-subj", "/CN=127.0.0.1")), "self", "certificate"),
        "another authority": (serve(case, signed(case, "other", stranger)), "certificate"),
        "another name": (serve(case, signed(case, "name", authority, "other.example")), "127.0.0.1", "match"),
        "expired": (serve(case, signed(case, "old", authority, begin="20200101000000Z", end="20200201000000Z")), "expired"),
        "not yet good": (serve(case, signed(case, "new", authority, begin="20900101000000Z", end="20910101000000Z")), "not yet valid"),
        "no TLS": (plain, "ssl"),
    }  # fmt: skip
    true = serve(case, signed(case, "true", authority))
    monitor = case.monitor({"hook": webhook(plain)})
    fill(monitor.state, 500)
    monitor.write_config({"hook": webhook(true, url="https://127.0.0.1:1/", tls=trusted)})
    monitor.start()
    for name, (receiver, *words) in impostors.items():
        url = f"https://127.0.0.1:{receiver.port}/"
        at = len(monitor.said())
        monitor.reload({"hook": webhook(receiver, url=url, tls=trusted)})
        wait_for(f"{name}: the reason is logged", lambda: all(word in monitor.said(at).lower() for word in words))
        code, said = case.sink_test(monitor)
        assert code == 1, f"{name}: {said}"
        assert all(word in said.lower() for word in words), f"{name}: {said}"
        assert not receiver.requests, f"{name}: it was sent something"
    monitor.reload({"hook": webhook(true, tls=trusted)})
    wait_delivered(true, 500)
    settle(monitor, true)
    return f"sent 500, to {len(impostors)} impostors 0, {account(monitor, true)}, counted lost 0"


def test_system_authorities(case):
    """Without ca_file the system's authorities are asked, and do not know a self-signed one; verify: false takes it and warns"""
    receiver = serve(case, key_pair(case, "self", "-subj", "/CN=127.0.0.1"))
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 100)
    code, said = case.sink_test(monitor)
    assert code == 1 and "certificate" in said and not receiver.requests, said
    monitor.write_config({"hook": webhook(receiver, tls="{verify: false}")})
    monitor.start()
    assert "verify: false" in monitor.said(), monitor.said()
    wait_delivered(receiver, 100)
    settle(monitor, receiver)
    return f"sent 100, {account(monitor, receiver)}, counted lost 0"


def test_client_certificate(case):
    """A receiver that asks for our certificate: refused without one, fine with one, whose key only root can read"""
    authority = key_pair(case, "authority", *AUTHORITY)
    receiver = serve(case, signed(case, "true", authority), verify_mode=ssl.CERT_REQUIRED)
    receiver.context.load_verify_locations(f"{authority}.pem")
    client = signed(case, "client", authority, "client.example")
    os.chmod(f"{client}.key", 0o600)
    trusted = f"ca_file: {authority}.pem"
    monitor = case.monitor({"hook": webhook(receiver, tls=f"{{{trusted}}}")})
    fill(monitor.state, 100)
    code, said = case.sink_test(monitor)
    assert code == 1 and not receiver.requests, said
    own = f"{{{trusted}, certificate_file: {client}.pem, key_file: {client}.key}}"
    monitor.write_config({"hook": webhook(receiver, tls=own)})
    code, said = case.sink_test(monitor)
    assert code == 0 and "delivered" in said, said
    receiver.ids.clear()
    monitor.start()
    wait_delivered(receiver, 100)
    settle(monitor, receiver)
    return f"sent 100, {account(monitor, receiver)}, counted lost 0"
