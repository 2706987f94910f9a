"""TLS: a good context from a certificate and its key, several certificates, new ones without a restart.

The names for programs. What is behind them is in `sketch.net.tls` and `sketch.net.certificates`.
"""

from .http.certificate import Certificate
from .net.certificates import Certificates
from .net.tls import CertificateFileError, KeyPair, make_context

__all__ = ["Certificate", "CertificateFileError", "Certificates", "KeyPair", "make_context"]
