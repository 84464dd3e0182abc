// Package settings is the configuration: what can be set, in dingdag.yaml, in the environment
// and by flags, with its defaults.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Config is the configuration: defaults, then dingdag.yaml in the home folder, then
// DINGDAG_… variables, then flags.
type Config struct {
	// Home holds the store, the key, the logs and dingdag.yaml.
	Home string
	// DAGsFolder is the folder of DAG files; {home}/dags unless set.
	DAGsFolder string
	// Workers is how many attempts run at once.
	Workers int
	// MaxMapLength is how many instances a mapped task may have.
	MaxMapLength int
	// RenderedRuns is for how many runs of a DAG the rendered fields are kept; RenderedLength
	// bounds each field, in bytes.
	RenderedRuns   int
	RenderedLength int
	// Grace is how long running attempts may go on at a shutdown.
	Grace time.Duration
	// Refresh is how often DAG files are read again.
	Refresh time.Duration
	// DefaultTimezone is the zone of dates and schedules that name none.
	DefaultTimezone string
	// Timezone is the zone in which commands show times and read dates that name none; empty
	// is DefaultTimezone.
	Timezone string
	// CronMode is how a plain cron string is read: trigger (Airflow 3) or interval (Airflow 2).
	CronMode string
	// CatchupByDefault and PausedAtCreation hold for DAGs that do not say.
	CatchupByDefault bool
	PausedAtCreation bool
	// IgnoreSyntax is the language of .airflowignore files: glob or regexp.
	IgnoreSyntax string
	// Synchronous is SQLite's pragma: full or normal.
	Synchronous string
	// ConnectionsFile and VariablesFile are looked into before the environment.
	ConnectionsFile string
	VariablesFile   string
	// OnImportError are the notifiers that are told of DAG files that break and are mended.
	OnImportError Notifiers
	// SecretKey seals connections in the store; unset uses {home}/secret.key.
	SecretKey string
	// HarmlessExtra names keys of extras that hold no secret, beside the known ones.
	HarmlessExtra []string
	// PassEnv names variables of the environment that commands of tasks get though they
	// hold connections or keys.
	PassEnv []string
	// OnUndelivered names the notifiers that tell of an alert whose own callback could not.
	OnUndelivered []string
	// LogLevel is debug, info, warn or error; LogFormat is auto, text or json.
	LogLevel  string
	LogFormat string
}

// setting is one key of the configuration: its default and how it reaches Config.
type setting struct {
	key, def, doc string
	set           func(*Config, string) error
	// flag is the text of the flag that every command has for it, empty for none.
	flag string
	// structured says that the value may be a list or a mapping.
	structured bool
}

func stringSetting(key, def, doc string, field func(*Config) *string, allowed ...string) setting {
	return setting{key: key, def: def, doc: doc, set: func(c *Config, v string) error {
		if len(allowed) > 0 && !slices.Contains(allowed, v) {
			return fmt.Errorf("%q: must be one of %s", v, strings.Join(allowed, ", "))
		}
		*field(c) = v
		return nil
	}}
}

func parsedSetting[T any](key, def, doc string, field func(*Config) *T, parse func(string) (T, error)) setting {
	return setting{key: key, def: def, doc: doc, set: func(c *Config, v string) error {
		p, err := parse(v)
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

// namesOrNone is names, in which none is nobody.
func namesOrNone(s string) ([]string, error) {
	if s == "none" {
		return nil, nil
	}
	return names(s)
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

// Notifiers is the value of a setting that names notifiers as a callback key of a DAG file
// does.
type Notifiers struct {
	Node *yaml.Node // nil for none
	From string     // the file or variable that it stands in
}

// notifierSetting is a setting whose value is YAML: the name of a notifier, a mapping, or a
// list of these.
func notifierSetting(key, doc string) setting {
	return setting{key: key, doc: doc, structured: true, set: func(c *Config, v string) error {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(v), &n); err != nil {
			at, text := yamlvalue.Explain([]byte(v), err)
			return fmt.Errorf("line %d, column %d: %s", at.Line, at.Column, text)
		}
		if n.Kind == yaml.DocumentNode {
			c.OnImportError.Node = n.Content[0]
		}
		return nil
	}}
}

// settings lists every key, in the order in which the docs show them.
func settings() []setting {
	return []setting{
		stringSetting("dags_folder", "", "folder of the DAG files; {home}/dags unless set", func(c *Config) *string { return &c.DAGsFolder }).
			withFlag("folder of the DAG files (default {home}/dags)"),
		parsedSetting("workers", strconv.Itoa(engine.DefaultWorkers), "attempts that run at once", func(c *Config) *int { return &c.Workers }, positive),
		parsedSetting("max_map_length", strconv.Itoa(engine.DefaultMaxMapLength), "instances that a mapped task may have", func(c *Config) *int { return &c.MaxMapLength }, positive),
		parsedSetting("max_num_rendered_ti_fields_per_task", strconv.Itoa(engine.DefaultRenderedRuns), "for how many runs of a DAG what tasks rendered is kept, the newest ones; 0 keeps none", func(c *Config) *int { return &c.RenderedRuns }, notNegative),
		parsedSetting("max_templated_field_length", strconv.Itoa(engine.DefaultRenderedLength), "how many bytes of a rendered field are kept", func(c *Config) *int { return &c.RenderedLength }, positive),
		parsedSetting("grace", engine.DefaultGrace.String(), "how long running attempts may go on at a shutdown", func(c *Config) *time.Duration { return &c.Grace }, period),
		parsedSetting("refresh_interval", "5s", "how often DAG files are looked at for changes", func(c *Config) *time.Duration { return &c.Refresh }, period),
		parsedSetting("default_timezone", "UTC", "zone of dates and schedules that name none", func(c *Config) *string { return &c.DefaultTimezone }, zone),
		parsedSetting("timezone", "", "zone in which commands show times, but those of one DAG in the DAG's, and read dates that name none; default_timezone unless set", func(c *Config) *string { return &c.Timezone }, optionalZone).
			withFlag("zone in which times are shown and dates without a zone are read (default: times of one DAG in its own, else the setting)"),
		stringSetting("cron_mode", "trigger", "how a plain cron string is read: trigger (Airflow 3) or interval (Airflow 2)", func(c *Config) *string { return &c.CronMode }, "trigger", "interval"),
		boolSetting("catchup_by_default", "false", "catchup of DAGs that do not say", func(c *Config) *bool { return &c.CatchupByDefault }),
		boolSetting("dags_are_paused_at_creation", "false", "whether a DAG that does not say starts paused", func(c *Config) *bool { return &c.PausedAtCreation }),
		stringSetting("dag_ignore_file_syntax", "glob", "language of .airflowignore files: glob (as .gitignore) or regexp (Go's)", func(c *Config) *string { return &c.IgnoreSyntax }, "glob", "regexp"),
		notifierSetting("on_import_error", "notifier, or list of them as in a DAG file, that is told when a DAG file can't be loaded any more and when it can again"),
		stringSetting("synchronous", "full", "SQLite's durability: full survives a power cut, normal a crash of the process", func(c *Config) *string { return &c.Synchronous }, "full", "normal"),
		stringSetting("connections_file", "", ".env, .json or .yaml file of connections, looked into first", func(c *Config) *string { return &c.ConnectionsFile }),
		stringSetting("variables_file", "", "the same for variables", func(c *Config) *string { return &c.VariablesFile }),
		stringSetting("secret_key", "", "key that seals connections in the store; {home}/secret.key is made unless set", func(c *Config) *string { return &c.SecretKey }),
		parsedSetting("harmless_extra_keys", "", "keys of connection extras that hold no secret and are shown, beside the known ones; separated by commas", func(c *Config) *[]string { return &c.HarmlessExtra }, names),
		parsedSetting("pass_env", "", "variables of the environment that commands of tasks get though they hold a connection or a key, masked; separated by commas", func(c *Config) *[]string { return &c.PassEnv }, names),
		parsedSetting("on_undelivered", "dingding", "notifiers, separated by commas, that tell of an alert which its own callback could not deliver; none: nobody",
			func(c *Config) *[]string { return &c.OnUndelivered }, namesOrNone),
		stringSetting("log_level", "info", "debug, info, warn or error", func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error").withFlag(""),
		stringSetting("log_format", "auto", "auto (colours on a terminal), text or json", func(c *Config) *string { return &c.LogFormat }, "auto", "text", "json").withFlag(""),
	}
}

// fileName is the name of the configuration file in the home folder.
const fileName = "dingdag.yaml"

// Load reads the layers. flags holds the keys that were set on the command line;
// the key "home" is special because the file lies there.
func Load(o show.IO, flags map[string]string) (*Config, error) {
	env := o.LookupEnv
	home, err := Home(env, flags[homeFlag])
	if err != nil {
		return nil, err
	}
	file, nodes, err := readFile(filepath.Join(home, fileName))
	if err != nil {
		return nil, err
	}
	values, from := map[string]string{}, map[string]string{}
	for _, s := range settings() {
		values[s.key] = s.def
		if v, ok := file[s.key]; ok {
			values[s.key], from[s.key] = v, fileName+": "+s.key
		}
		name := variableOf(s.key)
		if v, ok := env(name); ok && v != "" {
			values[s.key], from[s.key] = v, name
		}
		if v, ok := flags[s.key]; ok {
			values[s.key], from[s.key] = v, "--"+flagOf(s.key)
		}
	}
	c := &Config{Home: home}
	errs := unknownVariables(o)
	for _, s := range settings() {
		if err := s.set(c, values[s.key]); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", from[s.key], err))
		}
	}
	c.OnImportError.From = from["on_import_error"]
	if n := nodes["on_import_error"]; n != nil && strings.HasPrefix(c.OnImportError.From, fileName) {
		c.OnImportError.Node, c.OnImportError.From = n, filepath.Join(home, fileName) // with its place in the file
	}
	if c.DAGsFolder == "" {
		c.DAGsFolder = filepath.Join(home, "dags")
	}
	return c, errors.Join(errs...)
}

// variableOf is the environment variable of a setting.
func variableOf(key string) string { return prefix + strings.ToUpper(key) }

// prefix begins the names of the program's environment variables.
const prefix = "DINGDAG_"

// notSettings are the variables with the prefix that are no settings: connections and
// variables, those of this project's tests, and what Kubernetes gives to every container
// beside a service that is called dingdag.
var notSettings = regexp.MustCompile(`^DINGDAG_(?:CONN_.*|VAR_.*|TEST_.*|BIN|SERVICE_HOST|SERVICE_PORT(?:_.*)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)$`)

// unknownVariables says which variables look like settings and are none: a mistyped one
// would have no effect, and nobody would know.
func unknownVariables(o show.IO) (errs []error) {
	if o.Environ == nil {
		return nil
	}
	known := []string{variableOf("home")}
	for _, s := range settings() {
		known = append(known, variableOf(s.key))
	}
	names := o.Environ()
	slices.Sort(names)
	for _, entry := range names {
		name, value, _ := strings.Cut(entry, "=")
		if value == "" || !strings.HasPrefix(name, prefix) || slices.Contains(known, name) || notSettings.MatchString(name) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: there is no such setting%s; unset it: names that begin with %s are the program's own", name, yamlvalue.DidYouMean(name, slices.Values(known)), prefix))
	}
	return errs
}

// Home is the home folder: the value of --home, else $DINGDAG_HOME, else ~/.dingdag. With neither a
// value nor a home of the user it is an error.
func Home(env func(string) (string, bool), flag string) (string, error) {
	home := flag
	if home == "" {
		home, _ = env("DINGDAG_HOME")
	}
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("no home folder: set DINGDAG_HOME or use --home")
		}
		home = filepath.Join(user, ".dingdag")
	}
	return filepath.Abs(home)
}

// readFile reads dingdag.yaml; an unknown key is an error with its place.
func readFile(path string) (values map[string]string, nodes map[string]*yaml.Node, err error) {
	b, err := os.ReadFile(path) //nolint:gosec // the user's own configuration
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		at, text := yamlvalue.Explain(b, err)
		return nil, nil, fmt.Errorf("%s:%d:%d: %s", path, at.Line, at.Column, text)
	}
	out, nodes := map[string]string{}, map[string]*yaml.Node{}
	if doc.Kind == 0 {
		return out, nodes, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("%s:%d:%d: must be a mapping of settings", path, root.Line, root.Column)
	}
	known, structured := make([]string, 0, 16), map[string]bool{}
	for _, s := range settings() {
		known = append(known, s.key)
		structured[s.key] = s.structured
	}
	var errs []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, v := root.Content[i], root.Content[i+1]
		switch {
		case !slices.Contains(known, key.Value):
			errs = append(errs, fmt.Errorf("%s:%d:%d: unknown setting %q%s; known are %s", path, key.Line, key.Column, key.Value, yamlvalue.DidYouMean(key.Value, slices.Values(known)), strings.Join(known, ", ")))
		case structured[key.Value]:
			text, err := yaml.Marshal(v)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d:%d: %s: %w", path, v.Line, v.Column, key.Value, err))
			}
			out[key.Value], nodes[key.Value] = string(text), v
		case v.Kind != yaml.ScalarNode:
			errs = append(errs, fmt.Errorf("%s:%d:%d: %s must be a single value", path, v.Line, v.Column, key.Value))
		default:
			out[key.Value] = v.Value
		}
	}
	return out, nodes, errors.Join(errs...)
}
