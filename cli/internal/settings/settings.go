// Package settings is the configuration: what can be set, in dingdag.yaml, in the environment
// and by flags, with its defaults.
package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/web/peer"
)

// Config is the configuration: defaults, then dingdag.yaml in the home folder, then
// DINGDAG_… variables, then flags.
type Config struct {
	// Home holds the store, the key, the logs and dingdag.yaml.
	Home string
	// DAGsFolder is the folder of DAG files; {home}/dags unless set.
	DAGsFolder string
	// Workers is how many tasks run at once.
	Workers int
	// Queues are those whose tasks run here where processes share a store; an entry * is all.
	Queues []string
	// MaxMapLength is how many instances a mapped task may have.
	MaxMapLength int
	// RenderedRuns is for how many runs of a DAG the rendered fields are kept; RenderedLength
	// bounds each field, in bytes.
	RenderedRuns   int
	RenderedLength int
	// Grace is how long running tasks may go on at a shutdown.
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
	// DatabaseURL is that of the PostgreSQL database with the store, empty for a file in the home folder. It is a secret.
	DatabaseURL string
	// LogStore is where task logs go when their try is over: a folder, "database" or a URL; empty for nowhere. LogStoreKeepLocal keeps
	// them in the log folder too.
	LogStore string
	// LogStoreKey is the key of its URL, as ID:SECRET; empty for what its library finds. It is a secret.
	LogStoreKey       string
	LogStoreKeepLocal bool
	// WorkerListen is the address and port at which a process shows its task logs to others; empty for nowhere.
	// WorkerListenByDefault says that nobody has set it. WorkerURL is where they reach it, without a slash at its end; empty
	// where that follows from the address.
	WorkerListen          string
	WorkerListenByDefault bool
	WorkerURL             string
	// Synchronous is SQLite's pragma: full or normal.
	Synchronous string
	// ConnectionsFile and VariablesFile are looked into before the environment.
	ConnectionsFile string
	VariablesFile   string
	// OnImportError are the notifiers that are told of DAG files that break and are mended.
	OnImportError Tree
	// Owners are the people behind the owners of tasks.
	Owners Tree
	// DailyDigest is a mapping of when and to whom a digest of the day is told.
	DailyDigest Tree
	// HeartbeatURL is asked for while the scheduler works, at most once in HeartbeatInterval;
	// empty for none. It is a secret.
	HeartbeatURL      string
	HeartbeatInterval time.Duration
	// Listen is the address and port at which standalone serves over HTTP; empty for none. ListenByDefault says that
	// nobody has set it.
	Listen          string
	ListenByDefault bool
	// TLSCert and TLSKey are the files of its certificate and key; both or none. TrustedProxies are who may say where a
	// request came from.
	TLSCert, TLSKey string
	TrustedProxies  peer.Proxies
	// OIDC is the OpenID provider at which people sign in.
	OIDC OIDC
	// DingTalkSignIn is the connection of the application with which they sign in with DingTalk; empty for none.
	DingTalkSignIn string
	// BaseURL is where people reach the pages of Listen, without a slash at its end; empty for nowhere.
	BaseURL string
	// Metrics says that metrics are served at Listen, MetricsLabels which labels of DAGs and tasks they have: task, dag or none.
	Metrics       bool
	MetricsLabels string
	// TestConnection is enabled or disabled: whether programs may have connections tested over the REST API.
	TestConnection string
	// SandboxURL is the address of the sandbox whose inbox is shown; empty for that of a connection, "off" for none.
	SandboxURL string
	// SecretKey seals connections in the store; unset uses {home}/secret.key.
	SecretKey string
	// HarmlessExtra names keys of extras that hold no secret, beside the known ones.
	HarmlessExtra []string
	// PassEnv names variables of the environment that commands of tasks get though they
	// hold connections or keys.
	PassEnv []string
	// Python is the interpreter of Python tasks that name none; empty for python3 of PATH.
	Python string
	// OnUndelivered names the notifiers that tell of an alert whose own callback could not.
	OnUndelivered Names
	// ChatViewers, ChatOperators and ChatAdmins are who has these roles in the chat.
	ChatViewers, ChatOperators, ChatAdmins Names
	// Maintenance are the times in which alerts are silent.
	Maintenance Tree
	// AlertDeadline is how long an alert is tried again while its receiver can't be reached.
	AlertDeadline time.Duration
	// FoldAfter is how long an alert waits until it is told together with others; 0 is never.
	FoldAfter time.Duration
	// History is how long what has ended is kept, HistoryEvery the pause after which what is old is
	// removed again; 0 is never.
	History      history.Policy
	HistoryEvery time.Duration
	// LogLevel is debug, info, warn or error; LogFormat is auto, text or json.
	LogLevel  string
	LogFormat string
}

// settings lists every key, in the order in which the docs show them. A dot in a key is a mapping in
// the file.
func settings() []setting {
	return slices.Concat(generalSettings(), signInSettings(), historySettings())
}

func generalSettings() []setting {
	return []setting{
		stringSetting("dags_folder", "", "folder of the DAG files; default {home}/dags", func(c *Config) *string { return &c.DAGsFolder }).
			withFlag("folder of the DAG files (default {home}/dags)"),
		parsedSetting("workers", strconv.Itoa(engine.DefaultWorkers), "how many tasks may run at once", func(c *Config) *int { return &c.Workers }, positive),
		parsedSetting("queues", engine.DefaultQueue, "queues, separated by commas, whose tasks standalone and worker run on [many machines](operations.md#many-machines); `*` is all. On one machine without database_url all tasks run, whatever their queue is",
			func(c *Config) *[]string { return &c.Queues }, names),
		parsedSetting("max_map_length", strconv.Itoa(engine.DefaultMaxMapLength), "how many instances a mapped task may have", func(c *Config) *int { return &c.MaxMapLength }, positive),
		parsedSetting("max_num_rendered_ti_fields_per_task", strconv.Itoa(engine.DefaultRenderedRuns), "how many runs of each DAG, the newest ones, keep their rendered fields; 0 keeps none", func(c *Config) *int { return &c.RenderedRuns }, notNegative),
		parsedSetting("max_templated_field_length", strconv.Itoa(engine.DefaultRenderedLength), "how many bytes of a rendered field are kept; the rest is cut", func(c *Config) *int { return &c.RenderedLength }, positive),
		parsedSetting("grace", engine.DefaultGrace.String(), "how long running tasks may take to finish at shutdown", func(c *Config) *time.Duration { return &c.Grace }, period),
		parsedSetting("refresh_interval", "5s", "how often DAG files are checked for changes", func(c *Config) *time.Duration { return &c.Refresh }, period),
		parsedSetting("default_timezone", "UTC", "time zone of dates and schedules that name none", func(c *Config) *string { return &c.DefaultTimezone }, zone),
		parsedSetting("timezone", "", "time zone in which commands show times and read dates that name none; default: default_timezone. Times of a single DAG are shown in its own zone", func(c *Config) *string { return &c.Timezone }, optionalZone).
			withFlag("time zone in which times are shown and dates without a zone are read (default: the DAG's own for times of a single DAG, otherwise the setting)"),
		stringSetting("cron_mode", "trigger", "how a plain cron string is read: trigger (Airflow 3) or interval (Airflow 2)", func(c *Config) *string { return &c.CronMode }, "trigger", "interval"),
		boolSetting("catchup_by_default", "false", "catchup of DAGs that do not set it", func(c *Config) *bool { return &c.CatchupByDefault }),
		boolSetting("dags_are_paused_at_creation", "false", "whether new DAGs that do not set it start paused", func(c *Config) *bool { return &c.PausedAtCreation }),
		stringSetting("dag_ignore_file_syntax", "glob", "syntax of .airflowignore files: glob (as in .gitignore) or regexp (Go's)", func(c *Config) *string { return &c.IgnoreSyntax }, "glob", "regexp"),
		treeSetting("on_import_error", "notifier, or list of notifiers as in a DAG file, that is told when a DAG file breaks and when it is fixed",
			func(c *Config) *Tree { return &c.OnImportError }),
		treeSetting("owners", "the people behind the owners of tasks, whom alerts notify, see [Owners](callbacks.md#owners)", func(c *Config) *Tree { return &c.Owners }),
		treeSetting("daily_digest", "mapping that says when (`at`, `timezone`) and to which notifiers (`to`) a summary of each day is sent; see [signs of life](#signs-of-life)",
			func(c *Config) *Tree { return &c.DailyDigest }),
		parsedSetting("heartbeat_url", "", "URL that standalone requests with GET while it schedules, such as a check of healthchecks.io, so that its silence is noticed; see [signs of life](#signs-of-life)",
			func(c *Config) *string { return &c.HeartbeatURL }, optionalURL),
		parsedSetting("heartbeat_interval", "1m", "time between two such requests; scheduling passes are 30 s apart, so a shorter time has no effect", func(c *Config) *time.Duration { return &c.HeartbeatInterval }, period),
		listenSetting("127.0.0.1:8080", "address at which standalone serves [pages](pages.md), the REST API and its health over HTTP, and takes what DingTalk sends ([Over HTTP](chat.md#over-http)); port 0 picks a free one, `off` serves nothing. By default only this machine reaches it, and nothing is served when another program has the port. See [Where it listens](operations.md#where-it-listens) for other machines"),
		stringSetting("tls_cert", "", "file with the certificate, and those of its issuers behind it, with which standalone serves over TLS; it is read again when it changes", func(c *Config) *string { return &c.TLSCert }),
		stringSetting("tls_key", "", "file with the key of that certificate", func(c *Config) *string { return &c.TLSKey }),
		proxiesSetting("trusted_proxies", "addresses and networks of reverse proxies, as a list or separated by commas, whose `X-Forwarded-For` and `X-Forwarded-Proto`, or `Forwarded` without these, are believed; see [Where it listens](#where-it-listens)",
			func(c *Config) *peer.Proxies { return &c.TrustedProxies }),
		parsedSetting("base_url", "", "where people reach the pages of `listen`, through a reverse proxy in front of it, such as `https://dingdag.example.com`; with it, default messages and `ti.log_url` lead to the [pages](pages.md#links-in-messages), and messages without a card have links that do what buttons would, see [Links](chat.md#links)",
			func(c *Config) *string { return &c.BaseURL }, optionalBase),
		boolSetting("metrics", "true", "whether `listen` serves [metrics](metrics.md) for Prometheus too", func(c *Config) *bool { return &c.Metrics }),
		stringSetting("metrics_labels", "task", "which labels metrics of DAGs and tasks have: task (`dag_id` and `task_id`), dag (`dag_id` alone) or none, for those with very many tasks", func(c *Config) *string { return &c.MetricsLabels }, "task", "dag", "none"),
		parsedSetting("database_url", "", "PostgreSQL database that holds the store, for work on [many machines](operations.md#many-machines), such as `postgres://dingdag:PASSWORD@db.example.com:5432/dingdag?sslmode=verify-full`; default: the file {home}/dingdag.db. It is a secret: in the environment it does not reach the commands of tasks",
			func(c *Config) *string { return &c.DatabaseURL }, optionalDatabase),
		stringSetting("log_store", "", "where task logs go once their try is over, for [many machines](operations.md#task-logs-of-many-machines): the path of a folder that all of them share, `database` or `database?max_mib=8`, or `s3://BUCKET/PREFIX?endpoint=https://HOST`; by default they stay in {home}/logs of the machine", func(c *Config) *string { return &c.LogStore }),
		stringSetting("log_store_key", "", "access key for object storage, as `ID:SECRET`; default: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `~/.aws/credentials`, or the role of the machine. It is a secret: in the environment it does not reach the commands of tasks, as those of AWS do", func(c *Config) *string { return &c.LogStoreKey }),
		workerListenSetting("address at which a process on [many machines](operations.md#task-logs-of-many-machines) shows its task logs to the others, whose requests carry a token; port 0 picks a free one, `off` shows none. Default with database_url: `" + defaultWorkerListen + "`, or a free port where another program has that; without it: off"),
		parsedSetting("worker_url", "", "where other machines reach `worker_listen`, such as `http://10.0.0.7:8793`; default: its address, or the name of the machine where that is any, with the port", func(c *Config) *string { return &c.WorkerURL }, optionalBase),
		boolSetting("log_store_keep_local", "false", "whether task logs that are in the log store stay in {home}/logs of their machine too, until old logs are removed", func(c *Config) *bool { return &c.LogStoreKeepLocal }),
		stringSetting("synchronous", "full", "SQLite's durability: full survives a power cut, normal only a crash of the process", func(c *Config) *string { return &c.Synchronous }, "full", "normal"),
		stringSetting("connections_file", "", ".env, .json or .yaml file of connections, searched first", func(c *Config) *string { return &c.ConnectionsFile }),
		stringSetting("variables_file", "", ".env, .json or .yaml file of variables, searched first", func(c *Config) *string { return &c.VariablesFile }),
		stringSetting("test_connection", "disabled", "whether `POST /api/v2/connections/test` tests the connection that is sent: enabled or disabled, as `[core] test_connection` of Airflow. It lets an admin have requests sent to any address that this machine reaches", func(c *Config) *string { return &c.TestConnection }, "disabled", "enabled"),
		parsedSetting("sandbox_url", "", "address of the [sandbox](sandbox.md) whose inbox the pages and the REST API show, such as `http://sandbox:8100`; default: the first one on this machine to which a connection of type dingding or dingtalk leads; `off` shows none", func(c *Config) *string { return &c.SandboxURL }, optionalSandbox),
		stringSetting("secret_key", "", "key that encrypts connections in the store; default: {home}/secret.key, created when first needed", func(c *Config) *string { return &c.SecretKey }),
		parsedSetting("harmless_extra_keys", "", "further keys of connection extras that hold no secret and may be shown, separated by commas", func(c *Config) *[]string { return &c.HarmlessExtra }, names),
		parsedSetting("pass_env", "", "environment variables, separated by commas, that commands of tasks inherit although they hold a connection or a key; their values are masked", func(c *Config) *[]string { return &c.PassEnv }, names),
		stringSetting("python", "", "interpreter of Python tasks that name none, 3.8 or newer: a path, such as that of a virtual environment, or a name that is looked for in PATH; default: python3", func(c *Config) *string { return &c.Python }),
		namesSetting("on_undelivered", "dingding", "notifiers, separated by commas, that report an alert its own callback could not deliver; none for nobody",
			func(c *Config) *Names { return &c.OnUndelivered }),
		parsedSetting("alert_deadline", "1h", "how long an alert is tried again while its receiver cannot be reached, before its fallback is told",
			func(c *Config) *time.Duration { return &c.AlertDeadline }, period),
		treeSetting("maintenance", "window, or list of windows, in which alerts are silent, see [Quiet](callbacks.md#quiet)", func(c *Config) *Tree { return &c.Maintenance }),
		parsedSetting("alert_fold_after", outbox.DefaultFoldAfter.String(), "how long an alert waits for its robot until it is sent together with others in one message; never sends each by itself",
			func(c *Config) *time.Duration { return &c.FoldAfter }, ageOrNever),
		peopleSetting("chat_viewers", "who may look in the chat: userids, `dept:ID` for a department with all below it, `role:NAME` for a role of the organisation, as a list or separated by commas, with `CONN_ID:` before an entry that counts for the application of that connection alone; see [Who may](chat.md#who-may)",
			func(c *Config) *Names { return &c.ChatViewers }),
		peopleSetting("chat_operators", "who may also trigger, clear, mark, pause and acknowledge there", func(c *Config) *Names { return &c.ChatOperators }),
		peopleSetting("chat_admins", "who may also change what concerns all DAGs there", func(c *Config) *Names { return &c.ChatAdmins }),
		stringSetting("log_level", "info", "debug, info, warn or error", func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error").withFlag(""),
		stringSetting("log_format", "auto", "auto (colours on a terminal), text or json", func(c *Config) *string { return &c.LogFormat }, "auto", "text", "json").withFlag(""),
	}
}

// Load reads the layers. flags holds the keys that were set on the command line, and [HomeKey].
// Every mistake is told at once, with the place where it stands.
func Load(o show.IO, flags map[string]string) (*Config, error) {
	home, err := Home(o.LookupEnv, flags[HomeKey])
	if err != nil {
		return nil, err
	}
	file, err := readFile(filepath.Join(home, fileName))
	if err != nil {
		return nil, err
	}
	c := &Config{Home: home, History: DefaultHistory()}
	errs := unknownVariables(o)
	for _, s := range settings() {
		v := s.value(file, o.LookupEnv, flags)
		if err := s.set(c, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.from, err))
		}
	}
	if c.WorkerListenByDefault && c.DatabaseURL != "" {
		c.WorkerListen = defaultWorkerListen
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("tls_cert and tls_key go together: set both or none"))
	}
	if err := c.OIDC.check(); err != nil {
		errs = append(errs, err)
	}
	if c.DAGsFolder == "" {
		c.DAGsFolder = filepath.Join(home, "dags")
	}
	return c, errors.Join(errs...)
}

// For is the configuration for somebody who calls a command from another machine. Only what concerns how things are shown is
// the caller's: the time zone, of the command line or else of the environment there.
func (c *Config) For(env func(string) (string, bool), flags map[string]string) (*Config, error) {
	out := *c
	for _, s := range settings() {
		if s.key != TimezoneKey {
			continue
		}
		if v := s.value(nil, env, flags); v.from != "" {
			if err := s.set(&out, v); err != nil {
				return nil, fmt.Errorf("%s: %w", v.from, err)
			}
		}
	}
	return &out, nil
}

// value is that of the layer which goes first.
func (s setting) value(file map[string]value, env func(string) (string, bool), flags map[string]string) value {
	if text, ok := flags[s.key]; ok {
		return value{text: text, from: "--" + flagOf(s.key)}
	}
	if text, ok := env(variableOf(s.key)); ok && text != "" {
		return value{text: text, from: variableOf(s.key)}
	}
	if v, ok := file[s.key]; ok {
		return v
	}
	return value{text: s.def}
}

// keys are those of all settings.
func keys() []string {
	var all []string
	for _, s := range settings() {
		all = append(all, s.key)
	}
	return all
}
