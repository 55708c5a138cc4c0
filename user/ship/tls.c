/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"

/* For the receiver's word on our certificate: what answers slower has it noticed with the next write. */
#define JUDGEMENT_NS (500 * NS_PER_MS)

struct tls {
	SSL_CTX *context;
	char *name; /* to be in the receiver's certificate */
	bool verify, is_address;
};

/* --- certificates and keys out of text --- */

static int no_password(char *room, int size, int writing, void *arg)
{
	(void)room;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int problem(struct buf *why, const char *what)
{
	buf_str(why, what);
	ERR_clear_error();
	return -EINVAL;
}

/* All of them. -EINVAL: none, or one that cannot be read. */
static int read_certificates(const char *pem, STACK_OF(X509) * list)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	unsigned long error;
	X509 *one;

	if (!bio)
		return -ENOMEM;
	while ((one = PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
		if (sk_X509_push(list, one))
			continue;
		X509_free(one);
		BIO_free(bio);
		return -ENOMEM;
	}
	error = ERR_peek_last_error();
	ERR_clear_error();
	BIO_free(bio);
	return sk_X509_num(list) && ERR_GET_REASON(error) == PEM_R_NO_START_LINE ? 0 : -EINVAL;
}

static void free_certificates(STACK_OF(X509) * *list)
{
	sk_X509_pop_free(*list, X509_free);
}

static int set_trust(struct tls *t, const char *ca, struct buf *why)
{
	_cleanup_(free_certificates) STACK_OF(X509) *list = sk_X509_new_null();
	X509_STORE *store = SSL_CTX_get_cert_store(t->context);
	int err;

	if (!ca) {
		if (SSL_CTX_set_default_verify_paths(t->context) == 1)
			return 0;
		return problem(why, "the system's certificates cannot be read");
	}
	err = list ? read_certificates(ca, list) : -ENOMEM;
	if (err == -EINVAL)
		return problem(why, "tls.ca_file: no certificate in PEM, or a damaged one");
	for (int i = 0; !err && i < sk_X509_num(list); i++)
		err = X509_STORE_add_cert(store, sk_X509_value(list, i)) == 1 ? 0 : -ENOMEM;
	return err;
}

/* The first is ours, the rest lead from it to what the receiver trusts. */
static int set_certificate(struct tls *t, const char *pem, struct buf *why)
{
	_cleanup_(free_certificates) STACK_OF(X509) *list = sk_X509_new_null();
	int err = list ? read_certificates(pem, list) : -ENOMEM;

	if (err == -EINVAL)
		return problem(why,
			       "tls.certificate_file: no certificate in PEM, or a damaged one");
	if (!err && SSL_CTX_use_certificate(t->context, sk_X509_value(list, 0)) != 1)
		return problem(why, "tls.certificate_file: too weak for this system's OpenSSL, or "
				    "of a kind it does not know");
	for (int i = 1; !err && i < sk_X509_num(list); i++)
		err = SSL_CTX_add1_chain_cert(t->context, sk_X509_value(list, i)) == 1 ? 0 :
											 -EINVAL;
	return err == -EINVAL ? problem(why, "tls.certificate_file: its chain is not accepted") :
				err;
}

static int set_key(struct tls *t, const char *pem, struct buf *why)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	int err = bio ? 0 : -ENOMEM;

	if (!err && !key)
		err = problem(why, "tls.key: no private key in PEM, or one with a password");
	if (!err && SSL_CTX_use_PrivateKey(t->context, key) != 1)
		err = problem(why, "tls.key: not the key of tls.certificate_file");
	EVP_PKEY_free(key);
	BIO_free(bio);
	return err;
}

static int set_name(struct tls *t, const struct config_tls *settings, const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	t->name = strdup(settings->server_name ? settings->server_name : name);
	if (!t->name)
		return -ENOMEM;
	t->is_address = inet_pton(AF_INET, t->name, address) == 1 ||
			inet_pton(AF_INET6, t->name, address) == 1;
	return 0;
}

int tls_new(const struct config_tls *settings, const char *name, struct buf *why, struct tls **ret)
{
	struct tls *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->verify = settings->verify;
	t->context = SSL_CTX_new(TLS_client_method());
	err = t->context ? set_name(t, settings, name) : -ENOMEM;
	if (!err && SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION) != 1)
		err = problem(why, "this system's OpenSSL has no TLS 1.2");
	if (!err && t->verify)
		err = set_trust(t, settings->ca, why);
	if (!err && settings->certificate)
		err = set_certificate(t, settings->certificate, why);
	if (!err && settings->key.value)
		err = set_key(t, settings->key.value, why);
	if (err) {
		tls_free(t);
		return err;
	}
	SSL_CTX_set_verify(t->context, t->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE);
	*ret = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->context);
	free(t->name);
	free(t);
}

/* --- what went wrong, in words --- */

/* What a receiver says by an alert, and what it means to whom must mend it. */
static const struct {
	int reason;
	const char *words;
} refusals[] = {
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	  "the receiver wants a client certificate, and none is set" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,
	  "the receiver does not trust the authority of our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the receiver refuses our certificate" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
	  "the receiver refuses our certificate: not for this use" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the receiver says our certificate is revoked" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the receiver says our certificate has expired" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the receiver does not accept our certificate" },
	{ SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the receiver does not let our certificate in" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	  "the receiver refuses the handshake: it wants a client certificate, or other ciphers" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the receiver speaks no TLS 1.2 or later" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the receiver speaks no TLS 1.2 or later" },
	{ SSL_R_WRONG_VERSION_NUMBER, "what answers there does not speak TLS" },
};

static void say_verify(const SSL *ssl, const char *name, char *why, size_t size)
{
	long code = SSL_get_verify_result(ssl);

	switch (code) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(why, size, "the certificate is for another name than %s", name);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		snprintf(why, size, "the certificate, or one above it, has expired");
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(why, size, "the certificate, or one above it, is not valid yet");
		return;
	default:
		snprintf(why, size, "the certificate is not trusted: %s",
			 X509_verify_cert_error_string(code));
	}
}

static void say_error(const SSL *ssl, int saved, char *why, size_t size)
{
	unsigned long error = ERR_peek_error();
	int reason = ERR_GET_REASON(error);

	if (!error) {
		snprintf(why, size, "the connection broke: %s",
			 saved ? strerror(saved) : "closed by the receiver");
		return;
	}
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		say_verify(ssl, SSL_get_app_data(ssl), why, size);
		return;
	}
	if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		snprintf(why, size, "%s",
			 SSL_is_init_finished(ssl) ? "the receiver closed the connection" :
						     "the receiver closed in the handshake");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (reason != refusals[i].reason)
			continue;
		snprintf(why, size, "%s", refusals[i].words);
		return;
	}
	snprintf(why, size, "TLS: %s", ERR_reason_error_string(error) ?: "an error without a name");
}

int tls_judge(SSL *ssl, int result, short *events, char *why, size_t why_size)
{
	int saved = errno;

	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		snprintf(why, why_size, "the receiver closed the connection");
		break;
	case SSL_ERROR_SYSCALL:
		say_error(ssl, saved, why, why_size);
		break;
	default:
		say_error(ssl, 0, why, why_size);
	}
	ERR_clear_error();
	SSL_set_quiet_shutdown(ssl, 1);
	return -ECONNRESET;
}

/* --- a connection --- */

static SSL *make_connection(struct tls *t, int fd)
{
	SSL *ssl = SSL_new(t->context);
	X509_VERIFY_PARAM *param;
	bool fine;

	if (!ssl)
		return NULL;
	param = SSL_get0_param(ssl);
	/* What ca_file names is trusted, be it an authority, one below it, or the receiver itself. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	fine = SSL_set_fd(ssl, fd) == 1 && SSL_set_app_data(ssl, t->name) == 1;
	if (fine && t->is_address)
		fine = !t->verify || X509_VERIFY_PARAM_set1_ip_asc(param, t->name) == 1;
	else if (fine)
		fine = SSL_set_tlsext_host_name(ssl, t->name) == 1 &&
		       (!t->verify || SSL_set1_host(ssl, t->name) == 1);
	if (fine)
		return ssl;
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}

static int shake_hands(SSL *ssl, int fd, const struct patience *p, char *why, size_t size)
{
	int result, err;
	short events;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		result = SSL_connect(ssl);
		if (result == 1)
			return 0;
		err = tls_judge(ssl, result, &events, why, size);
		if (!err)
			err = patience_wait(p, fd, events);
		else
			return err;
		if (err) {
			snprintf(why, size, "no TLS handshake: %s",
				 err == -ETIMEDOUT ? "no answer in time" : strerror(-err));
			return err;
		}
	}
}

/* A session ticket, an alert or the end; what says nothing has nothing against us so far. */
static int await_judgement(SSL *ssl, int fd, const struct patience *p, char *why, size_t size)
{
	struct patience moment = patience_at_most(p, JUDGEMENT_NS);
	short events;
	char byte;
	int result, err = patience_wait(&moment, fd, POLLIN);

	if (err)
		return err == -ETIMEDOUT ? 0 : err;
	ERR_clear_error();
	errno = 0;
	result = SSL_peek(ssl, &byte, sizeof(byte));
	return result > 0 ? 0 : tls_judge(ssl, result, &events, why, size);
}

SSL *tls_connect(struct tls *t, int fd, const struct patience *p, char *why, size_t why_size)
{
	SSL *ssl = make_connection(t, fd);
	int err;

	if (!ssl) {
		snprintf(why, why_size, "TLS cannot be set up for %s", t->name);
		return NULL;
	}
	err = shake_hands(ssl, fd, p, why, why_size);
	if (!err && SSL_version(ssl) >= TLS1_3_VERSION)
		err = await_judgement(ssl, fd, p, why, why_size);
	if (!err)
		return ssl;
	if (err == -ECANCELED)
		snprintf(why, why_size, "stopped");
	SSL_free(ssl);
	return NULL;
}

void tls_close(SSL *ssl)
{
	if (!ssl)
		return;
	ERR_clear_error();
	SSL_shutdown(ssl);
	ERR_clear_error();
	SSL_free(ssl);
}
