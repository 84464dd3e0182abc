package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// Defaults of a connection that sets nothing else in its extra.
const (
	DefaultBaseURL        = "https://oapi.dingtalk.com"
	DefaultConnectTimeout = 5 * time.Second
	DefaultTimeout        = 10 * time.Second
	// DefaultRate is how many messages DingTalk takes from a robot in a minute.
	DefaultRate = 20
	// MaxRate is the highest rate that a connection may have: no limit, in effect.
	MaxRate = 100_000
)

const robotPath = "/robot/send"

// settings is what a connection says about a robot.
type settings struct {
	base   string // scheme, host and path prefix without a slash at the end
	token  string // as it goes into the query; empty when there is none
	secret string
	// keywords are those of the robot's security setting, if the connection has them.
	keywords []string
	// rate is how many messages a minute the robot takes, robots are connections of others that
	// share its messages.
	rate    int
	quota   int // messages a month, 0 for no limit
	robots  []string
	timeout time.Duration // of one whole attempt
	network network
}

// network is the part of the settings that needs connections of its own.
type network struct {
	proxy          string // empty: as the environment says
	skipVerify     bool
	connectTimeout time.Duration
}

// parseSettings reads a connection. Errors name the field and never its value
// where that may hold a credential.
func parseSettings(conn *connections.Connection, defaultBase string) (settings, error) {
	s := settings{rate: DefaultRate, timeout: DefaultTimeout, network: network{connectTimeout: DefaultConnectTimeout}}
	password := ""
	if conn.Password != nil {
		password = strings.TrimSpace(conn.Password.Reveal())
	}
	if isWebhook(password) {
		base, token, err := parseWebhook(password)
		if err != nil {
			return s, err
		}
		defaultBase, s.token = base, token
	} else {
		s.token = queryToken(password)
	}
	var err error
	if s.base, err = baseURL(conn, defaultBase); err != nil {
		return s, err
	}
	return s, s.readExtra(conn.Extra)
}

func isWebhook(password string) bool {
	return strings.HasPrefix(password, "https://") || strings.HasPrefix(password, "http://")
}

// parseWebhook takes a webhook address apart. A timestamp and sign that were
// pasted with it are dropped: they are made anew for each attempt.
func parseWebhook(address string) (base, token string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", "", errors.New("the password begins like a webhook address but cannot be read as a URL")
	}
	token = u.Query().Get("access_token")
	if token == "" {
		return "", "", errors.New("the webhook address in the password has no access_token")
	}
	path := strings.TrimSuffix(strings.TrimRight(u.EscapedPath(), "/"), robotPath)
	return u.Scheme + "://" + u.Host + path, url.QueryEscape(token), nil
}

// queryToken returns the token as it goes into the query: as it is, like Airflow,
// unless it has characters that would break the query.
func queryToken(token string) string {
	plain := strings.IndexFunc(token, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("-._~+/=", r):
			return false
		}
		return true
	}) < 0
	if plain {
		return token
	}
	return url.QueryEscape(token)
}

// baseURL returns where the robot's API lives: the connection's host, with https
// when it names no scheme, or the default.
func baseURL(conn *connections.Connection, defaultBase string) (string, error) {
	host := ""
	if conn.Host != nil {
		host = strings.TrimSpace(*conn.Host)
	}
	if host == "" {
		return strings.TrimRight(defaultBase, "/"), nil
	}
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	u, err := url.Parse(host)
	switch {
	case err != nil:
		// The parser's error repeats the text, which may hold a token.
		return "", errors.New("the host cannot be read as a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("the host has the scheme %s; use https or http", u.Scheme)
	case u.Host == "":
		return "", errors.New("the host names no domain")
	case u.User != nil:
		return "", errors.New("the host holds a user or password; DingTalk needs only the token in the password")
	case u.RawQuery != "":
		return "", errors.New("the host has a query; put the whole webhook address into the password instead")
	}
	if conn.Port != nil && u.Port() == "" {
		u.Host += ":" + strconv.Itoa(*conn.Port)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	return u.Scheme + "://" + u.Host + strings.TrimSuffix(path, robotPath), nil
}

// readExtra reads secret, keyword, timeout, rate, quota, robots, proxy and verify. Values may be strings, as they
// all are in a connection that was written as a URI. Other keys are ignored.
func (s *settings) readExtra(extra *connections.Secret) error {
	if extra == nil || strings.TrimSpace(extra.Reveal()) == "" {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(extra.Reveal()), &fields); err != nil {
		return errors.New("the extra is not a JSON object")
	}
	var errs []error
	verify := true
	read(&errs, fields, "secret", &s.secret, parseSecret)
	if read(&errs, fields, "timeout", &s.timeout, parseTimeout) {
		s.network.connectTimeout = min(s.timeout, DefaultConnectTimeout)
	}
	read(&errs, fields, "keyword", &s.keywords, parseKeywords)
	read(&errs, fields, "rate", &s.rate, parseRate)
	read(&errs, fields, "quota", &s.quota, parseQuota)
	read(&errs, fields, "robots", &s.robots, parseRobots)
	read(&errs, fields, "proxy", &s.network.proxy, parseProxy)
	if read(&errs, fields, "verify", &verify, parseBool) {
		s.network.skipVerify = !verify
	}
	return errors.Join(errs...)
}

// read sets what a key of an extra holds, and reports whether there is one, which may be wrong.
func read[T any](errs *[]error, fields map[string]any, key string, into *T, parse func(any) (T, error)) bool {
	v := fields[key]
	if v == nil {
		return false
	}
	got, err := parse(v)
	*into, *errs = got, append(*errs, err)
	return true
}

func parseSecret(v any) (string, error) {
	text, ok := v.(string)
	if !ok {
		return "", errors.New("extra.secret must be a string")
	}
	return strings.TrimSpace(text), nil
}

func parseRobots(v any) ([]string, error) { return parseList("robots", v, "of connections") }

// parseTimeout reads seconds, as a number or as text, or a duration such as "1m30s".
func parseTimeout(v any) (time.Duration, error) {
	seconds, ok := v.(float64)
	if text, isText := v.(string); isText {
		text = strings.TrimSpace(text)
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			return d, nil
		}
		n, err := strconv.ParseFloat(text, 64)
		seconds, ok = n, err == nil
	}
	const most = float64(24 * time.Hour / time.Second)
	if !ok || math.IsNaN(seconds) || seconds <= 0 || seconds > most {
		return 0, errors.New(`extra.timeout must be a number of seconds over 0, or a duration such as "30s"`)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// parseQuota reads how many messages a month a robot is to get, as a number or as text.
func parseQuota(v any) (int, error) {
	const most = 1_000_000_000
	n, ok := wholeNumber(v)
	switch {
	case ok && n == 0:
		return 0, errors.New("extra.quota is 0, which sends nothing: remove it, or the connection")
	case !ok || n < 1 || n > most:
		return 0, errors.New("extra.quota must be a whole number of messages a month, 1 or more")
	}
	return int(n), nil
}

// CheckExtra returns what is wrong with the extra of a connection of type dingding, field by field, before
// it is stored; nil for another type. The error shows no values.
func CheckExtra(c *connections.Connection) error {
	if c.Type != "dingding" && c.Type != "dingtalk" {
		return nil
	}
	var s settings
	if err := s.readExtra(c.Extra); err != nil {
		return err
	}
	if slices.Contains(s.robots, c.ID) {
		return errors.New("extra.robots names the connection itself, whose robot is one of them by its own password: leave it out")
	}
	return nil
}

// wholeNumber reads a number, which may be written as text.
func wholeNumber(v any) (float64, bool) {
	n, ok := v.(float64)
	if text, isText := v.(string); isText {
		parsed, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		n, ok = parsed, err == nil
	}
	return n, ok && n == math.Trunc(n)
}

// parseRate reads how many messages a minute a robot takes, as a number or as text.
func parseRate(v any) (int, error) {
	n, ok := wholeNumber(v)
	if !ok || n < 1 || n > MaxRate {
		return 0, fmt.Errorf("extra.rate must be a whole number of messages a minute from 1 to %d", MaxRate)
	}
	return int(n), nil
}

func parseProxy(v any) (string, error) {
	text, _ := v.(string)
	text = strings.TrimSpace(text)
	if text != "" && !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", errors.New("extra.proxy must be a URL such as http://proxy.example.com:3128")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return text, nil
	}
	return "", fmt.Errorf("extra.proxy has the scheme %s; use http, https or socks5", u.Scheme)
}

func parseBool(v any) (bool, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	if text, ok := v.(string); ok {
		if b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text))); err == nil {
			return b, nil
		}
	}
	return false, errors.New("extra.verify must be true or false")
}
