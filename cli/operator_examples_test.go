package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/hook/smtp/smtptest"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// pageExample is an example on the page of an operator or notifier.
type pageExample struct{ page, title, yaml string }

func (e pageExample) name() string { return e.page + ": " + e.title }

var exampleOnPage = regexp.MustCompile("(?s)\n([^\n]+):\n\n```yaml\n(.*?)```")

func pageExamples(t *testing.T) []pageExample {
	t.Helper()
	var all []pageExample
	for name, text := range pages(t, filepath.Join("..", "docs", "operators")) {
		if aboutTrigger(name, text) { // its examples are of watchers, and no tasks
			continue
		}
		_, examples, _ := strings.Cut(text, "\n## Examples\n")
		for _, m := range exampleOnPage.FindAllStringSubmatch(examples, -1) {
			all = append(all, pageExample{strings.TrimSuffix(name, ".md"), m[1], m[2]})
		}
	}
	slices.SortFunc(all, func(a, b pageExample) int { return strings.Compare(a.name(), b.name()) })
	return all
}

// aboutTrigger reports whether a page is about what a watcher waits for, and not about an operator.
func aboutTrigger(page, text string) bool {
	name, ok := strings.CutPrefix(strings.TrimSuffix(page, ".md"), "trigger_")
	return ok && strings.Contains(text, "\n# "+name+"\n")
}

// setting is what an example needs around it, and what becomes of it.
type setting struct {
	// dag are keys of the DAG, keys further ones of the task, tasks the tasks beside it.
	dag, keys, tasks string
	// replace are texts of the example and what stands there in the test: ids that only
	// the call before gives, and times that are too long.
	replace []string
	conf    string
	// files are made in the DAG's folder.
	files map[string]string
	// answer is the option that people choose in a task that asks them.
	answer string
	// fails says that the run fails, and output what it says; by default the task succeeds.
	fails  bool
	output string
}

// What stands before an example, and what an example takes of it.
const (
	after      = "dependencies: [before]"
	queryKey   = `"{{ ti.xcom_pull('before')['process_query_key'] }}"`
	taskID     = `"{{ ti.xcom_pull('before')['task_ids'][0] }}"`
	decide     = "- {task_id: decide, operator: bash, bash_command: echo daily_load}\n"
	sendToUser = "- {task_id: before, operator: dingtalk_send_user_message, user_ids: u001, msg_key: sampleText, msg_param: {content: hello}}\n"
	sendToCid  = "- {task_id: before, operator: dingtalk_send_group_message, open_conversation_id: 'cidAb/3dE+f0==', msg_key: sampleText, msg_param: {content: hello}}\n"
	sendNotice = "- {task_id: before, operator: dingtalk_send_work_notice, user_ids: u001, content: hello, wait: true, poll_interval: 100ms}\n"
	sendDing   = "- {task_id: before, operator: dingtalk_send_ding, user_ids: u001, content: disk full}\n"
	makeCard   = "- {task_id: before, operator: dingtalk_create_card, card_template_id: t, out_track_id: run-42, open_conversation_id: 'cidAb/3dE+f0==', card_param_map: {title: x}}\n"
	// today is a list of this day and the next, lest the day ends.
	today = "$TODAY"
)

// behind are empty tasks behind the example, for branches.
func behind(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "- {task_id: %s, operator: empty, dependencies: [example]}\n", name)
	}
	return b.String()
}

// pythonFiles have the functions of the examples.
var pythonFiles = map[string]string{
	"count_rows.py": "def count(table, day):\n    return {'table': table, 'day': day}\n",
	"choose.py":     "def choose(): return 'a'\ndef anything_new(): return []\ndef has_rows(table): return table == 'orders'\n",
}

// pythonSetting names the interpreter of the tests, which skip where there is none.
func pythonSetting(t *testing.T) string {
	t.Helper()
	first, _, _ := strings.Cut(os.Getenv("DINGDAG_TEST_PYTHON"), ",")
	if first != "" {
		return first
	}
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: install it, or name an interpreter in DINGDAG_TEST_PYTHON")
	}
	return path
}

// settings are for the examples that do not stand alone, by page and title.
var settings = map[string]setting{
	"bash: Skip the task if there is nothing to do":                     {output: "example: skipped"},
	"branch_python: Choose by what is in the conf of the run":           {files: pythonFiles, tasks: behind("a", "b")},
	"external_python: A function for an interpreter of its own":         {files: pythonFiles},
	"python: A function of a file beside the DAG file":                  {files: pythonFiles},
	"python_sensor: Wait for rows":                                      {files: pythonFiles},
	"short_circuit_python: Continue only if there is something to load": {files: pythonFiles},
	"bash_sensor: Wait until a directory has files":                     {replace: []string{"/data/in", "$DAGS/in"}, files: map[string]string{"in/2024-01-02/orders.csv": "1"}},
	"approval: Before a release":                                        {dag: "params: {version: '1.2'}\n", answer: "Approve"},
	"approval: A rejection is a failure, and no answer a rejection":     {fails: true, output: "it was rejected, and fail_on_reject is set"},
	"hitl: Only two people may answer":                                  {answer: "v2"},
	"hitl_branch: Let people choose what to do with bad rows": {
		keys: "dependencies: [count_bad]", answer: "Load them", output: "drop_bad_rows: skipped",
		tasks: "- {task_id: count_bad, operator: bash, bash_command: echo 7}\n" + behind("drop_bad_rows", "load_all", "stop"),
	},
	"branch: Choose the task that an earlier task named": {
		tasks: decide + behind("daily_load", "full_load"), keys: "dependencies: [decide]", output: "full_load: skipped",
	},
	"branch: Choose by conditions": {
		tasks: behind("full_load", "monthly_load", "monthly_report", "daily_load"), conf: `{"full": true}`, output: "daily_load: skipped",
	},
	"branch_datetime: Load everything at night and little by day":     {tasks: behind("full_load", "small_load")},
	"branch_datetime: Switch over on a date":                          {tasks: behind("new_format", "new_report", "old_format"), output: "new_format: skipped"},
	"branch_day_of_week: Do more on weekends":                         {tasks: behind("full_load", "weekly_report", "small_load")},
	"branch_sql: Load everything if the table is empty":               {tasks: behind("full_load", "daily_load", "report"), output: "full_load: skipped"},
	"day_of_week_sensor: Wait for the weekend":                        {replace: []string{"[Saturday, Sunday]", today}},
	"dingtalk_delete_worksheet: By id":                                {tasks: "- {task_id: before, operator: dingtalk_create_worksheet, workbook_id: e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk, sheet_name: Q4}\n", keys: after},
	"dingtalk_get_message_readers: Of a message to a group":           {tasks: sendToCid, keys: after, replace: []string{"Kna29Ra5pVx0mkQ=", queryKey}},
	"dingtalk_get_message_readers: Of a message to people":            {tasks: sendToUser, keys: after, replace: []string{"zcxxczas0=", queryKey}},
	"dingtalk_get_message_status: Of a notice that another task sent": {tasks: sendNotice, keys: after, replace: []string{"256271667526", taskID}},
	"dingtalk_recall_bot_messages: From a group":                      {tasks: sendToCid, keys: after, replace: []string{"Kna29Ra5pVx0mkQ=", queryKey}},
	"dingtalk_recall_bot_messages: From people":                       {tasks: sendToUser, keys: after, replace: []string{"zcxxczas0=", queryKey}},
	"dingtalk_recall_ding: The trouble is over":                       {tasks: sendDing, keys: after, replace: []string{"oD1", `"{{ ti.xcom_pull('before')['open_ding_id'] }}"`}},
	"dingtalk_recall_message: Of a notice that another task sent":     {tasks: sendNotice, keys: after, replace: []string{"256271667526", taskID}},
	"dingtalk_reply: An answer that mentions who asked":               {conf: `{"session_webhook": "$SESSION"}`},
	"dingtalk_stream_card: A text that is still being written":        {tasks: makeCard, keys: after},
	"dingtalk_update_card: The answer":                                {tasks: makeCard, keys: after},
	"dingtalk_upload_media: A picture beside the DAG file":            {files: map[string]string{"logo.png": "\x89PNG\r\n\x1a\n picture"}},
	// A test run knows no other DAGs, so that these get as far as looking for one.
	"external_task: Wait for a task of a DAG that runs an hour earlier": {
		keys: "timeout: 0.1\npoke_interval: 0.1", fails: true, output: `the external dag \"load_orders\" does not exist`,
	},
	"external_task: Wait for the end of a run, whatever its outcome":                           {fails: true, output: `the external dag "load_orders" does not exist`},
	"trigger_dagrun: Start another DAG with a configuration":                                   {fails: true, output: `dag "send_report", which trigger_dag_id names, does not exist`},
	"trigger_dagrun: Run another DAG for the same date, again if it has run, and wait for it":  {fails: true, output: `dag "load_orders", which trigger_dag_id names, does not exist`},
	"exec: A program in the folder of the DAG file":                                            {files: map[string]string{"count.sh": "#!/bin/sh\ngrep -q 2024-01-02 && echo '{\"result\": 1}'\n"}},
	"exec: A program with arguments that gets the secrets of one connection":                   {files: map[string]string{"fetch.sh": "#!/bin/sh\ngrep -q '\"inbox\":{' && test \"$1\" = --all\n"}},
	"file_sensor: Wait for the file of the day":                                                {replace: []string{"/data/in", "$DAGS"}, files: map[string]string{"orders-2024-01-02.csv": "1"}},
	"file_sensor: Wait for any file with one of two endings, below the path of a connection":   {files: map[string]string{"a/b.tsv": "1"}},
	"short_circuit: Continue only if there is something to load":                               {tasks: "- {task_id: count_rows, operator: bash, bash_command: echo 3}\n" + behind("load"), keys: "dependencies: [count_rows]", output: "load: success"},
	"short_circuit: Still run a cleanup task with trigger_rule all_done":                       {dag: "params: {enabled: false}", tasks: behind("load"), output: "load: skipped"},
	"sql: Values from outside are bound (this is SQLite; PostgreSQL and MySQL take %(least)s)": {dag: "params: {least: 5}"},
	"time_sensor: Wait until people are at work":                                               {replace: []string{"08:30", "00:00"}},
	"wait: Pause between two calls":                                                            {replace: []string{"10m", "10ms"}},
}

// exampleWorld is the world of one example: a DAGs folder and the services.
type exampleWorld struct {
	box *sandboxtest.Sandbox
	app sandbox.App
	dir string
	env map[string]string
}

// newExampleWorld has the people, groups, documents and services that the examples name.
func newExampleWorld(t *testing.T, page string) *exampleWorld {
	t.Helper()
	w := &exampleWorld{box: sandboxtest.Start(t), dir: t.TempDir()}
	robot := w.box.AddRobot(sandbox.DemoRobot("dingding_default"))
	w.app = sandbox.DemoApp("dingtalk_default")
	w.app.AgentID, w.app.GroupTemplates, w.app.QPS = 1234567890, []string{"c354-1"}, -1
	w.app = w.box.AddApp(w.app)
	mobile := "13800000000"
	if page == "dingtalk_create_user" {
		mobile = "13800000009" // the number is the new colleague's
	}
	const space, root = "By8jQS1ZYjGn5b0M", "ZgpG2NdyVXXjrKKzIBqMp5zkVMwvDqPk"
	w.box.Seed(sandbox.Organisation{
		Departments: []sandbox.Department{{ID: 2, ParentID: 1, Name: "Platform"}, {ID: 3, ParentID: 1, Name: "Sales"}},
		Users: []sandbox.User{
			{UserID: "u001", UnionID: "z21HjQliSzpw0YWCNxmii6u", Name: "Ann Lee", Mobile: mobile, Departments: []int{2}},
			{UserID: "u002", Name: "Bo Chen", Mobile: "13800000001", Departments: []int{2}},
			{UserID: "u003", Name: "Cai Wu", Mobile: "13800000002", Departments: []int{3}},
		},
		Workspaces: []sandbox.Workspace{{ID: space, RootNodeID: root, Name: "Handbook", Creator: "u001"}},
		Nodes:      []sandbox.Node{{ID: "ydxXB52LJqqK7xxNTXb5697aWQ8rjEvo", ShortID: "YRBGv0Ye", WorkspaceID: space, Name: "Notes", Extension: "adoc"}},
		Workbooks:  []sandbox.Workbook{{ID: "e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk", WorkspaceID: space, Name: "Stock", Sheets: []sandbox.Sheet{{Name: "Q3", Values: [][]any{{"a", "b"}}}}}},
		Templates:  []sandbox.Template{{ID: "t1", Title: "Weekly", DocType: "DOC", Type: "team_template", WorkspaceID: space}},
	})
	w.box.AddChat(sandbox.Chat{
		ChatID: "chatnew01", OpenConversationID: "cidAb/3dE+f0==", Name: "Release crew", Owner: "u001",
		Members: []string{"u002", "u003"}, Template: "c354-1", Bots: []string{w.app.AppKey},
	})
	warehouse := filepath.Join(t.TempDir(), "warehouse.db")
	fillWarehouse(t, "sqlite", warehouse, "")
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"state": "done"}`) }))
	t.Cleanup(web.Close)
	mail := smtptest.Start(t, smtptest.Options{})
	w.env = map[string]string{
		"DINGDAG_HOME": t.TempDir(), "DINGDAG_DAGS_FOLDER": w.dir, "DINGDAG_GRACE": "1ms", "PATH": os.Getenv("PATH"),
		"DINGDAG_CONN_DINGDING_DEFAULT": connectionJSON(t, map[string]any{"conn_type": "dingding", "host": w.box.URL, "password": robot.Token}),
		"DINGDAG_CONN_DINGTALK_DEFAULT": connectionJSON(t, map[string]any{
			"conn_type": "dingtalk", "host": w.box.URL, "login": w.app.AppKey, "password": w.app.AppSecret,
			"extra": map[string]any{"agent_id": w.app.AgentID, "operator_user_id": "u001"},
		}),
		"DINGDAG_CONN_HTTP_DEFAULT": connectionJSON(t, map[string]any{"conn_type": "http", "host": web.URL}),
		"DINGDAG_CONN_WAREHOUSE":    connectionJSON(t, map[string]any{"conn_type": "sqlite", "host": warehouse}),
		"DINGDAG_CONN_INBOX":        connectionJSON(t, map[string]any{"conn_type": "fs", "extra": map[string]any{"path": w.dir}}),
		"DINGDAG_CONN_SMTP_DEFAULT": connectionJSON(t, map[string]any{
			"conn_type": "smtp", "host": mail.Host, "port": mail.Port,
			"extra": map[string]any{"disable_ssl": true, "disable_tls": true, "from_email": "dags@example.com"},
		}),
	}
	return w
}

func connectionJSON(t *testing.T, fields map[string]any) string {
	t.Helper()
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(text)
}

// replacer puts the ids and places of this world into an example.
func (w *exampleWorld) replacer(t *testing.T) *strings.Replacer {
	t.Helper()
	sheets, err := w.box.Sheets("e54Lq3rgVmnB7NdXjNOjJ92xWMwvDqPk")
	require.NoError(t, err)
	now := time.Now().UTC()
	return strings.NewReplacer(
		"st-8dc3a17-11", sheets[0].ID, "$DAGS", w.dir, today, fmt.Sprintf("[%s, %s]", now.Weekday(), now.AddDate(0, 0, 1).Weekday()),
		"$SESSION", w.box.OpenSession(sandbox.Session{AppKey: w.app.AppKey, Chat: "cidAb/3dE+f0==", UserID: "u001"}),
	)
}

// write makes the DAG "page" of an example.
func (w *exampleWorld) write(t *testing.T, e pageExample, s setting) {
	t.Helper()
	for name, text := range s.files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(w.dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o700))
	}
	text := w.replacer(t).Replace(strings.NewReplacer(s.replace...).Replace(e.yaml))
	task := text + s.keys
	if strings.HasPrefix(text, "callback: ") {
		task = "operator: bash\nbash_command: 'echo no disk; exit 1'\non_failure_callback:\n" + indented("  ", text) + s.keys
	}
	dag := fmt.Sprintf("page:\n  schedule: null\n  start_date: 2024-01-01\n%s  tasks:\n    - task_id: example\n%s%s",
		indented("  ", s.dag), indented("      ", task), indented("    ", s.tasks))
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "page.yaml"), []byte(dag), 0o600))
}

func indented(by, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(by + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}

// run is a command in the folder of the DAGs.
func (w *exampleWorld) run(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer time.AfterFunc(exampleTimeout, cancel).Stop()
	var out bytes.Buffer
	code = cli.Run(ctx, args, cli.IO{
		In: strings.NewReader(""), Out: &out, Err: &out,
		LookupEnv: func(name string) (string, bool) { v, ok := w.env[name]; return v, ok },
	}, cli.Extensions{})
	return code, out.String()
}

// check validates an example and runs it.
func (w *exampleWorld) check(t *testing.T, e pageExample, s setting) {
	t.Helper()
	w.write(t, e, s)
	code, output := w.run(t, "dags", "validate", filepath.Join(w.dir, "page.yaml"))
	require.Zero(t, code, output)
	args := []string{"dags", "test", "page", "2024-01-02"}
	if s.conf != "" {
		args = append(args, "--conf", w.replacer(t).Replace(s.conf))
	}
	if s.answer != "" {
		args = append(args, "--answer", "example="+s.answer)
	}
	code, output = w.run(t, args...)
	want := s.output
	switch {
	case want != "":
	case strings.HasPrefix(e.page, "notifier_"):
		want, s.fails = "on_failure: delivered", true
	default:
		want = "example: success"
	}
	assert.Contains(t, output, want)
	assert.Equal(t, s.fails, code != 0, output)
}

// Every example on the page of an operator or notifier is what people copy into a DAG
// file: it is valid there and runs, against the sandbox and other local services.
func TestOperatorExamples(t *testing.T) {
	t.Parallel()
	examples := pageExamples(t)
	require.Greater(t, len(examples), 100)
	unused := map[string]bool{}
	for name := range settings {
		unused[name] = true
	}
	for _, e := range examples {
		delete(unused, e.name())
		t.Run(e.name(), func(t *testing.T) {
			t.Parallel()
			w := newExampleWorld(t, e.page)
			if strings.Contains(e.page, "python") {
				w.env["DINGDAG_PYTHON"] = pythonSetting(t)
			}
			w.check(t, e, settings[e.name()])
		})
	}
	assert.Empty(t, unused, "no page has these examples")
}

// exampleTimeout is for a machine under load; no example takes a second.
const exampleTimeout = time.Minute
