package http

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-resty/resty/v2"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/internal/traced"
	"github.com/dingdag/dingdag/params"
)

// ExtraOptions are the settings of the exchange. What is null comes from the extra of the
// connection, and else has the default of each.
type ExtraOptions struct {
	// Timeout is the time for the whole request. By default only execution_timeout ends it.
	Timeout *time.Duration `yaml:"timeout" json:"timeout,omitempty" param:"min=1ms"`
	// CheckResponse makes a status of 400 and above an error, true by default.
	CheckResponse *bool `yaml:"check_response" json:"check_response,omitempty"`
	// Verify is false to accept any certificate, or the path of a file with the
	// authorities to trust; true by default.
	Verify any `yaml:"verify" json:"verify,omitempty"`
	// Cert is the path of a file with client certificate and key, or the paths of both.
	Cert []string `yaml:"cert" json:"cert,omitempty" param:"single"`
	// AllowRedirects follows redirects, true by default.
	AllowRedirects *bool `yaml:"allow_redirects" json:"allow_redirects,omitempty"`
	// MaxRedirects is how many redirects are followed, 30 by default.
	MaxRedirects *int `yaml:"max_redirects" json:"max_redirects,omitempty" param:"min=0"`
	// Proxies maps http and https to the proxy for such URLs.
	Proxies map[string]string `yaml:"proxies" json:"proxies,omitempty" param:"secret"`
	// TrustEnv takes proxies from the environment when there are none here, true by
	// default.
	TrustEnv *bool `yaml:"trust_env" json:"trust_env,omitempty"`
	// Encoding is the charset in which the text of the response is read, such as gb18030,
	// whatever its headers say. By default it is the one that the Content-Type header names,
	// otherwise UTF-8.
	Encoding string `yaml:"encoding" json:"encoding,omitempty"`
	// Stream has no effect: responses are always read whole.
	Stream *bool `yaml:"stream" json:"stream,omitempty"`
}

// Validate checks the shapes that the types leave open.
func (o *ExtraOptions) Validate() error {
	switch o.Verify.(type) {
	case nil, bool, string:
	default:
		return params.At("verify", errors.New("verify must be true, false or the path of a file"))
	}
	if len(o.Cert) > 2 {
		return params.At("cert", errors.New("cert takes one path or two"))
	}
	if o.Encoding != "" {
		return params.At("encoding", checkEncoding(o.Encoding))
	}
	return nil
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// over fills the gaps of o, which may be nil, from under.
func (o *ExtraOptions) over(under ExtraOptions) ExtraOptions {
	if o == nil {
		return under
	}
	merged := ExtraOptions{
		Timeout:        cmp.Or(o.Timeout, under.Timeout),
		CheckResponse:  cmp.Or(o.CheckResponse, under.CheckResponse),
		AllowRedirects: cmp.Or(o.AllowRedirects, under.AllowRedirects),
		MaxRedirects:   cmp.Or(o.MaxRedirects, under.MaxRedirects),
		TrustEnv:       cmp.Or(o.TrustEnv, under.TrustEnv),
		Encoding:       cmp.Or(o.Encoding, under.Encoding),
		Verify:         o.Verify, Cert: o.Cert, Proxies: o.Proxies,
	}
	if merged.Verify == nil {
		merged.Verify = under.Verify
	}
	if merged.Cert == nil {
		merged.Cert = under.Cert
	}
	if merged.Proxies == nil {
		merged.Proxies = under.Proxies
	}
	return merged
}

// connectionOptions takes the extra of a connection apart: the keys of [ExtraOptions],
// and headers for the rest. Its errors show no values.
func connectionOptions(conn *connections.Connection) (opts ExtraOptions, headers map[string]string, err error) {
	fail := func(err error) (ExtraOptions, map[string]string, error) {
		return opts, nil, fmt.Errorf("connection %q: %w", conn.ID, err)
	}
	extra, err := conn.ExtraMap()
	if err != nil {
		return fail(err)
	}
	typ := params.Of[ExtraOptions]("", nil)
	own := &yaml.Node{Kind: yaml.MappingNode}
	headers = map[string]string{}
	for key, value := range extra {
		nested, isMap := value.(map[string]any)
		switch {
		case slices.Contains(typ.Names(), key):
			own.Content = append(own.Content, plain(key), optionNode(value))
			continue
		case key != "headers" || !isMap:
			nested = map[string]any{key: value}
		}
		if err := addHeaders(headers, nested); err != nil {
			return fail(err)
		}
	}
	for _, p := range typ.Decode(own, &opts) {
		if !p.Warning {
			return fail(fmt.Errorf("extra: the value of %q has the wrong type", p.Field))
		}
	}
	return opts, headers, nil
}

// addHeaders adds those values of an extra that are headers. Null is none.
func addHeaders(headers map[string]string, values map[string]any) error {
	for name, value := range values {
		switch value.(type) {
		case nil:
		case string, bool, json.Number:
			headers[name] = fmt.Sprint(value)
		default:
			return fmt.Errorf("extra: %q must be text, to become a header", name)
		}
	}
	return nil
}

func plain(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

// optionNode makes a node of a JSON value. Texts are plain scalars, because in a
// connection that is written as a URI every value is text: verify=false.
func optionNode(value any) *yaml.Node {
	switch v := value.(type) {
	case map[string]any:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for key, element := range v {
			node.Content = append(node.Content, plain(key), optionNode(element))
		}
		return node
	case []any:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for _, element := range v {
			node.Content = append(node.Content, optionNode(element))
		}
		return node
	case nil:
		return plain("null")
	default:
		return plain(fmt.Sprint(v))
	}
}

// targetURL joins the base URL of a connection and an endpoint, as Airflow does.
func targetURL(conn *connections.Connection, endpoint string) (*url.URL, error) {
	base := conn.GetHost()
	switch {
	case base == "" && strings.Contains(endpoint, "://"):
	case base == "":
		return nil, fmt.Errorf("connection %q has no host: set one, or give a whole URL as endpoint", conn.ID)
	case !strings.Contains(base, "://"):
		base = cmp.Or(conn.GetSchema(), "http") + "://" + base
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("connection %q: the host is not a valid host name or base URL", conn.ID)
	}
	if port := conn.GetPort(); port != 0 && base != "" {
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(port))
	}
	text := u.String()
	if text != "" && endpoint != "" && !strings.HasSuffix(text, "/") && !strings.HasPrefix(endpoint, "/") {
		text += "/"
	}
	text += endpoint
	if at := strings.IndexAny(text, "?"); at >= 0 {
		query, fragment, _ := strings.Cut(text[at+1:], "#")
		if fragment != "" {
			fragment = "#" + fragment
		}
		text = text[:at+1] + quoteQuery(query) + fragment
	}
	u, err = url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("connection %q and the endpoint give no valid http or https URL", conn.ID)
	}
	return u, nil
}

// newClient makes a client for one request. The caller closes the idle connections of its
// transport.
func newClient(opts ExtraOptions) (*resty.Client, *decompressing, error) {
	tlsConfig, err := tlsConfigOf(opts)
	if err != nil {
		return nil, nil, err
	}
	proxy, err := proxyOf(opts)
	if err != nil {
		return nil, nil, err
	}
	direct := &http.Transport{
		Proxy:                 proxy,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSClientConfig:       tlsConfig,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // the transport around it asks for more
	}
	transport := &decompressing{next: traced.Transport(direct), idle: direct.CloseIdleConnections}
	client := resty.New().
		SetTransport(transport).
		SetContentLength(true). // 0 for a POST without data, instead of chunks
		SetDisableWarn(true).
		SetResponseBodyLimit(maxResponse).
		SetRedirectPolicy(redirects(opts))
	if opts.Timeout != nil {
		client.SetTimeout(*opts.Timeout)
	}
	return client, transport, nil
}

func tlsConfigOf(opts ExtraOptions) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	switch verify := opts.Verify.(type) {
	case bool:
		config.InsecureSkipVerify = !verify // what verify: false asks for
	case string:
		authorities, err := os.ReadFile(verify) //nolint:gosec // the file that the DAG or connection names
		if err != nil {
			return nil, fmt.Errorf("read the authorities that verify names: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("the file %s that verify names holds no certificate in PEM form", verify)
		}
	}
	if len(opts.Cert) > 0 {
		pair, err := tls.LoadX509KeyPair(opts.Cert[0], opts.Cert[len(opts.Cert)-1])
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// proxyOf chooses the proxy. Its errors do not show the URL, which may hold a password.
func proxyOf(opts ExtraOptions) (func(*http.Request) (*url.URL, error), error) {
	if len(opts.Proxies) == 0 {
		if or(opts.TrustEnv, true) {
			return http.ProxyFromEnvironment, nil
		}
		return nil, nil
	}
	proxies := map[string]*url.URL{}
	for scheme, text := range opts.Proxies {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("the proxy for %q is not a valid URL", scheme)
		}
		proxies[scheme] = u
	}
	return func(r *http.Request) (*url.URL, error) { return proxies[r.URL.Scheme], nil }, nil
}
