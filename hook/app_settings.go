package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// Defaults of an app's connection that sets nothing else in its extra.
const (
	// DefaultAPIBaseURL is where the new generation of the API lives; the older one is
	// at [DefaultBaseURL].
	DefaultAPIBaseURL = "https://api.dingtalk.com"
	// DefaultQPS is how many calls a second an app makes at most.
	DefaultQPS = 20
)

// Generation is one of the two generations of DingTalk's API.
type Generation int

// The generations. A [Call] that names none is of the older one.
const (
	LegacyAPI Generation = iota // oapi.dingtalk.com
	NewAPI                      // api.dingtalk.com
)

// appSettings is what a connection says about an app.
type appSettings struct {
	base              [2]string // by generation, without a slash at the end
	appKey, appSecret string
	robotCode         string
	agentID           int64
	operatorUserID    string
	qps               float64
	timeout           time.Duration
	network           network
}

// appFields are the fields of a connection that appSettings are made from.
type appFields struct {
	host, login, password, extra string
	port                         int
}

func appFieldsOf(c *connections.Connection) appFields {
	return appFields{c.GetHost(), c.GetLogin(), c.GetPassword().Reveal(), c.GetExtra().Reveal(), c.GetPort()}
}

// parseAppSettings reads a connection. Errors name the field and never its value where
// that may hold a credential.
func parseAppSettings(conn *connections.Connection, defaultBase string) (appSettings, error) {
	s := appSettings{appKey: strings.TrimSpace(conn.GetLogin()), appSecret: strings.TrimSpace(conn.GetPassword().Reveal())}
	switch {
	case s.appKey == "" && s.appSecret == "":
		return s, errors.New("it has no credentials of an app: put the AppKey into login and the AppSecret into password")
	case s.appKey == "":
		return s, errors.New("it has no login: put the AppKey of the app there (a robot's token cannot make app calls)")
	case s.appSecret == "":
		return s, errors.New("it has no password: put the AppSecret of the app there")
	}
	s.robotCode, s.qps = s.appKey, DefaultQPS
	base, err := baseURL(conn, defaultBase)
	if err != nil {
		return s, err
	}
	if s.base, err = siblings(base); err != nil {
		return s, err
	}
	shared := settings{timeout: DefaultTimeout, network: network{connectTimeout: DefaultConnectTimeout}}
	if err := shared.readExtra(conn.Extra); err != nil {
		return s, err
	}
	s.timeout, s.network = shared.timeout, shared.network
	return s, s.readExtra(conn)
}

// siblings returns the base URLs of both generations: DingTalk's installations have two
// domains, oapi.… and api.…, a stand-in has one.
func siblings(base string) ([2]string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return [2]string{}, errors.New("the host cannot be read as a URL")
	}
	both := [2]string{base, base}
	if rest, ok := strings.CutPrefix(u.Host, "oapi."); ok {
		u.Host = "api." + rest
		both[NewAPI] = u.String()
	} else if rest, ok := strings.CutPrefix(u.Host, "api."); ok {
		u.Host = "oapi." + rest
		both[LegacyAPI] = u.String()
	}
	return both, nil
}

// readExtra reads what only apps have. Other keys are ignored.
func (s *appSettings) readExtra(conn *connections.Connection) error {
	extra, err := conn.ExtraMap()
	if err != nil {
		return err
	}
	var errs []error
	for name, read := range map[string]func(string) error{
		"robot_code":       func(text string) error { s.robotCode = text; return nil },
		"operator_user_id": func(text string) error { s.operatorUserID = text; return nil },
		"agent_id":         s.readAgentID,
		"qps":              s.readQPS,
		"api_host":         func(text string) error { return readHost(text, &s.base[NewAPI]) },
		"oapi_host":        func(text string) error { return readHost(text, &s.base[LegacyAPI]) },
	} {
		text, err := extraText(extra[name])
		if err == nil && text != "" {
			err = read(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("extra.%s %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func extraText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case json.Number:
		return v.String(), nil
	}
	return "", errors.New("must be text or a number")
}

func (s *appSettings) readAgentID(text string) (err error) {
	if s.agentID, err = strconv.ParseInt(text, 10, 64); err != nil || s.agentID <= 0 {
		return errors.New("must be the number that the developer console shows as AgentId")
	}
	return nil
}

func (s *appSettings) readQPS(text string) (err error) {
	if s.qps, err = strconv.ParseFloat(text, 64); err != nil || !(s.qps >= 0 && s.qps <= 1e6) {
		return errors.New("must be a number of calls a second, 0 for no limit")
	}
	return nil
}

func readHost(text string, to *string) error {
	base, err := baseURL(&connections.Connection{Host: &text}, "")
	if err != nil {
		return fmt.Errorf("is wrong: %w", err)
	}
	*to = base
	return nil
}
