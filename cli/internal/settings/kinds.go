package settings

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/web/listening"
	"github.com/dingdag/dingdag/web/peer"
	"github.com/dingdag/dingdag/yamlvalue"
)

// setting is one key of the configuration: its default and how it reaches Config.
type setting struct {
	key, def, doc string
	set           func(*Config, value) error
	// flag is the text of the flag that every command has for it, empty for none.
	flag string
	// structured says that the value may be a list or a mapping.
	structured bool
}

// value is what a setting is given.
type value struct {
	text string
	// from is where it stands: file, line, column and key, a variable, or a flag; empty for a
	// default.
	from string
	// node is the value in a file, which is named by path; nil for a value of elsewhere.
	node *yaml.Node
	path string
}

func stringSetting(key, def, doc string, field func(*Config) *string, allowed ...string) setting {
	return setting{key: key, def: def, doc: doc, set: func(c *Config, v value) error {
		if len(allowed) > 0 && !slices.Contains(allowed, v.text) {
			return fmt.Errorf("%q: must be one of %s", v.text, strings.Join(allowed, ", "))
		}
		*field(c) = v.text
		return nil
	}}
}

func parsedSetting[T any](key, def, doc string, field func(*Config) *T, parse func(string) (T, error)) setting {
	return setting{key: key, def: def, doc: doc, set: func(c *Config, v value) error {
		p, err := parse(v.text)
		if err == nil {
			*field(c) = p
		}
		return err
	}}
}

func boolSetting(key, def, doc string, field func(*Config) *bool) setting {
	return parsedSetting(key, def, doc, field, func(s string) (bool, error) {
		switch strings.ToLower(s) {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
		return false, fmt.Errorf("%q: must be true or false", s)
	})
}

func positive(s string) (n int, err error) {
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || n < 1 || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("%q: must be a whole number above 0", s)
	}
	return n, nil
}

func notNegative(s string) (int, error) {
	if s == "0" {
		return 0, nil
	}
	n, err := positive(s)
	if err != nil {
		err = fmt.Errorf("%q: must be a whole number, 0 or more", s)
	}
	return n, err
}

// Names is the value of a setting that names what others know.
type Names struct {
	All  []string
	From string // where it stands and the key, as errors begin; empty for the default
}

// namesSetting is a setting of names, in which none is nobody.
func namesSetting(key, def, doc string, field func(*Config) *Names) setting {
	return setting{key: key, def: def, doc: doc, set: func(c *Config, v value) (err error) {
		n := Names{From: v.from}
		if v.text != "none" {
			n.All, err = names(v.text)
		}
		*field(c) = n
		return err
	}}
}

// peopleSetting is a setting of people, as a list or with commas; nobody by default.
func peopleSetting(key, doc string, field func(*Config) *Names) setting {
	return setting{key: key, doc: doc, structured: true, set: func(c *Config, v value) (err error) {
		n := Names{From: v.from}
		n.All, err = v.entries("a list of people, or their ids with commas between them", "a userid, dept:ID or role:NAME")
		*field(c) = n
		return err
	}}
}

// proxiesSetting is the setting of the reverse proxies whose word counts.
func proxiesSetting(key, doc string, field func(*Config) *peer.Proxies) setting {
	return setting{key: key, doc: doc, structured: true, set: func(c *Config, v value) error {
		all, err := v.entries("a list of addresses and networks, or these with commas between them", "an address or a network, such as 10.0.0.0/8")
		if err == nil {
			*field(c), err = peer.ParseProxies(all...)
		}
		return err
	}}
}

// entries reads a list, or texts that commas separate. what and each say what the list and an entry must be.
func (v value) entries(what, each string) (all []string, err error) {
	if v.node == nil || v.node.Kind == yaml.ScalarNode {
		return names(v.text)
	}
	if v.node.Kind != yaml.SequenceNode {
		return nil, errors.New("must be " + what)
	}
	for _, e := range v.node.Content {
		e = yamlvalue.Resolve(e)
		if e.Kind != yaml.ScalarNode || strings.TrimSpace(e.Value) == "" {
			return nil, fmt.Errorf("line %d: an entry must be %s", e.Line, each)
		}
		all = append(all, strings.TrimSpace(e.Value))
	}
	return all, nil
}

func period(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q: must be a duration such as 30s or 5m", s)
	}
	return d, nil
}

// names reads names that commas separate.
func names(s string) (all []string, err error) {
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all, nil
}

func zone(s string) (string, error) {
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return "", fmt.Errorf("%q: must be an IANA zone such as UTC or Asia/Shanghai", s)
	}
	return s, nil
}

func optionalZone(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return zone(s)
}

// optionalURL reads a URL that may be a secret, so that the error does not show it.
func optionalURL(s string) (string, error) {
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https") {
		return "", errors.New("must be a whole http or https URL, such as https://hc-ping.com/UUID")
	}
	return s, nil
}

// optionalDatabase reads the URL of a database, which is a secret, so that the error does not show it. More about it is
// known once it is used.
func optionalDatabase(s string) (string, error) {
	if s == "" || strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		return s, nil
	}
	return "", errors.New("must be a URL of PostgreSQL: postgres://user:password@host:5432/database")
}

// pathChars are what the path of a base may consist of.
const pathChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/"

// optionalBase reads a URL that paths are added to. Its error does not show it, since it may hold a password.
func optionalBase(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	base := strings.TrimRight(s, "/")
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.ContainsAny(base, "?#") {
		return "", errors.New("must be an http or https URL without user, query and fragment, such as https://dingdag.example.com/dingdag")
	}
	if u.Path != "" && (path.Clean(u.Path) != u.Path || strings.Trim(u.Path, pathChars) != "") {
		return "", fmt.Errorf("%q: its path may have letters of ASCII, digits, -, . and _ between single slashes, and no relative parts", s)
	}
	return base, nil
}

// optionalSandbox reads the address of a sandbox, or off.
func optionalSandbox(s string) (string, error) {
	if s == off {
		return s, nil
	}
	base, err := optionalBase(s)
	if err != nil {
		return "", errors.New("must be off, or an http or https URL without user, query and fragment, such as http://127.0.0.1:8100")
	}
	return base, nil
}

// off is the value of an address that is none.
const off = "off"

// listenSetting is the setting of the address at which standalone serves.
func listenSetting(def, doc string) setting {
	return addressSetting("listen", def, doc, func(c *Config, address string, byDefault bool) { c.Listen, c.ListenByDefault = address, byDefault })
}

// defaultWorkerListen is where task logs are shown to other machines, as in Airflow, where processes share a database.
const defaultWorkerListen = ":8793"

// workerListenSetting is the setting of the address at which task logs are shown to other machines.
func workerListenSetting(doc string) setting {
	return addressSetting("worker_listen", "", doc, func(c *Config, address string, byDefault bool) {
		c.WorkerListen, c.WorkerListenByDefault = address, byDefault
	})
}

// addressSetting is a setting of an address to listen on; empty for none.
func addressSetting(key, def, doc string, put func(c *Config, address string, byDefault bool)) setting {
	return setting{key: key, def: def, doc: doc, set: func(c *Config, v value) error {
		put(c, "", v.from == "")
		if v.text == off || v.text == "" && v.from == "" {
			return nil
		}
		if _, _, err := listening.Split(v.text); err != nil {
			return fmt.Errorf("%w, or %s", err, off)
		}
		put(c, v.text, v.from == "")
		return nil
	}}
}

// Tree is the value of a setting that is YAML, which whoever knows what it means takes apart.
type Tree struct {
	Node *yaml.Node // nil for none
	From string     // the file or variable that it stands in
}

// treeSetting is a setting whose value is YAML, such as a mapping or a list.
func treeSetting(key, doc string, field func(*Config) *Tree) setting {
	return setting{key: key, doc: doc, structured: true, set: func(c *Config, v value) error {
		if v.node != nil {
			*field(c) = Tree{Node: v.node, From: v.path}
			return nil
		}
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(v.text), &n); err != nil {
			at, text := yamlvalue.Explain([]byte(v.text), err)
			return fmt.Errorf("line %d, column %d: %s", at.Line, at.Column, text)
		}
		if n.Kind == yaml.DocumentNode {
			*field(c) = Tree{Node: n.Content[0], From: v.from}
		}
		return nil
	}}
}
