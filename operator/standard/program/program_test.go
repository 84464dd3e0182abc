package program_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/standard/program"
)

var suite = operatortest.Suite(program.Specs())

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "pa55-w0rd-of-the-inbox"

func inbox() *connections.Connection {
	login, secret := "ann", connections.Secret(password)
	return &connections.Connection{ID: "inbox", Type: "fs", Login: &login, Password: &secret}
}

// place writes a program into a folder.
func place(t *testing.T, dir, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, os.Chmod(path, mode))
}

func TestCheckExec(t *testing.T) {
	t.Parallel()
	operatortest.Check(t, suite.Spec(t, "exec"), operatortest.Options{
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task := operatortest.NewTask(t)
			task.Conns["inbox"] = inbox()
			place(t, task.DAGFolder, "count.sh", "#!/bin/sh\necho '{\"result\": 3}'\n", 0o700)
			place(t, task.DAGFolder, "fetch.sh", "#!/bin/sh\ncat >&2\n", 0o700)
			return task
		},
		Secrets:  []string{password},
		Blocking: `program: [sh, -c, "echo begun >&2; sleep 1000"]`,
		Running:  func(_ *testing.T, task *operatortest.Task) { task.AwaitLog("msg=begun") },
	})
}

// shell runs a text in a shell as the program.
func shell(t *testing.T, task *operatortest.Task, text, more string) (any, error) {
	t.Helper()
	command, err := json.Marshal(text)
	require.NoError(t, err)
	return suite.Run(t, task, "exec", fmt.Sprintf("program: [sh, -c, %s]\n%s", command, more))
}

func TestExecFrames(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		program string
		kind    operator.Kind
		result  string
		text    string // of the error
	}{
		"nothing":                   {"true", operator.Success, "null", ""},
		"result":                    {`echo '{"result": {"rows": 12345678901234567890}}'`, operator.Success, `{"rows": 12345678901234567890}`, ""},
		"result null":               {`echo '{"result": null}'`, operator.Success, "null", ""},
		"result false":              {`echo '{"result": false}'`, operator.Success, "false", ""},
		"no newline at the end":     {`printf '{"result": 1}'`, operator.Success, "1", ""},
		"blank lines and CRLF":      {`printf '\n{"log": "a"}\r\n  \n{"result": 1}\r\n'`, operator.Success, "1", ""},
		"a line in pieces":          {`printf '{"res'; printf 'ult": '; printf '1}\n'`, operator.Success, "1", ""},
		"skip":                      {`echo '{"skip": "no rows"}'`, operator.Skipped, "", "skipped: no rows"},
		"fail":                      {`echo '{"fail": "bad day"}'`, operator.Failed, "", "sh: bad day"},
		"fail with an exit code":    {`echo '{"fail": "bad day"}'; exit 4`, operator.Failed, "", "sh: bad day"},
		"reschedule":                {`echo '{"reschedule": 0.5, "reason": "not there"}'`, operator.Waiting, "", ""},
		"exit code":                 {"echo broken >&2; exit 3", operator.Retry, "", "sh ended with exit code 3; its last lines:\nbroken"},
		"exit code 99 is a failure": {"exit 99", operator.Retry, "", "sh ended with exit code 99"},
		"exit code after a result":  {`echo '{"result": 1}'; exit 3`, operator.Retry, "", "sh ended with exit code 3; its result counts only with exit code 0"},
		"exit code after a skip":    {`echo '{"skip": ""}'; exit 3`, operator.Retry, "", "its skip counts only with exit code 0"},
		"signal":                    {`echo '{"log": "a"}'; kill -9 $$`, operator.Retry, "", "sh ended by signal: killed"},
		"signal within a frame":     {`printf '{"log": "a"}\n{"resu'; kill -9 $$`, operator.Retry, "", "sh ended by signal: killed, within a frame in line 2 of its output"},
		"half a frame":              {`printf '{"log": "a"}\n{"result": 1'`, operator.Retry, "", `sh: line 2 of its output: the output ends within a frame: {"result": 1`},
		"text":                      {`echo '{"log": "a"}'; echo hello; sleep 1000`, operator.Failed, "", "sh: line 2 of its output: not JSON at column 1, invalid character 'h' looking for beginning of value (standard output is for frames, print to standard error): hello"},
		"a broken line":             {`printf '{"log": \n"a"}\n'`, operator.Failed, "", `line 1 of its output: not JSON at column 8, unexpected end of JSON input`},
		"two objects on a line":     {`echo '{"log": "a"} {"log": "b"}'`, operator.Failed, "", "line 1 of its output: not JSON at column 14, invalid character '{' after top-level value"},
		"no object":                 {`echo '[1]'`, operator.Failed, "", "line 1 of its output: a frame is a JSON object: [1]"},
		"null":                      {`echo null`, operator.Failed, "", "an unknown kind of frame"},
		"unknown kind":              {`echo '{"metric": 1}'`, operator.Failed, "", "an unknown kind of frame: the kinds are log, xcom, progress, result, skip, fail and reschedule: {\"metric\": 1}"},
		"two kinds":                 {`echo '{"log": "a", "result": 1}'`, operator.Failed, "", "a frame says one thing, not log and result: write two lines"},
		"unknown key":               {`echo '{"log": "a", "lvl": "info"}'`, operator.Failed, "", `unknown key "lvl" in a frame log`},
		"unknown level":             {`echo '{"log": "a", "level": "loud"}'`, operator.Failed, "", "level has to be debug, info, warning or error"},
		"log of a number":           {`echo '{"log": 1}'`, operator.Failed, "", "log has to be text"},
		"skip of nothing":           {`echo '{"skip": null}'`, operator.Failed, "", "skip has to be text"},
		"xcom without a value":      {`echo '{"xcom": {"key": "a"}}'`, operator.Failed, "", "xcom has to be an object with key and value"},
		"xcom with more":            {`echo '{"xcom": {"key": "a", "value": 1, "task": "b"}}'`, operator.Failed, "", "xcom has to be an object with key and value"},
		"xcom without a name":       {`echo '{"xcom": {"key": "", "value": 1}}'`, operator.Failed, "", "the key of the XCom is empty"},
		"xcom return_value":         {`echo '{"xcom": {"key": "return_value", "value": 1}}'`, operator.Failed, "", "write a frame result"},
		"reschedule in the past":    {`echo '{"reschedule": -1}'`, operator.Failed, "", "reschedule has to be a number of seconds, more than 0 and at most 604800"},
		"reschedule as text":        {`echo '{"reschedule": "5m"}'`, operator.Failed, "", "reschedule has to be a number"},
		"reschedule for ever":       {`echo '{"reschedule": 604801}'`, operator.Failed, "", "at most 604800"},
		"progress too large":        {`printf '{"progress": "%05000d"}\n' 1`, operator.Failed, "", "the progress has 5002 bytes, it may have 4096"},
		"too long":                  {`printf '{"log": "'; head -c 5000000 /dev/zero | tr '\0' x; echo '"}'; sleep 1000`, operator.Failed, "", "line 1 of its output: it is longer than 4194304 bytes"},
		"endless line":              {`cat /dev/zero`, operator.Failed, "", "line 1 of its output: it is longer than 4194304 bytes"},
		"endless frames":            {`echo '{"result": 1}'; yes '{"result": 2}'`, operator.Failed, "", `line 2 of its output: result comes after the result of line 1, which has to be the last frame`},
		"log after the result":      {`echo '{"result": 1}'; echo '{"log": "a"}'`, operator.Failed, "", "line 2 of its output: log comes after the result of line 1"},
		"stderr after the result":   {`echo '{"result": 1}'; echo done >&2`, operator.Success, "1", ""},
		"stdout closed":             {`exec >&-; echo '{"result": 1}' || true`, operator.Success, "null", ""},
		"many XComs":                {`i=0; while test $i -lt 20; do printf '{"xcom": {"key": "%d", "value": "%01000000d"}}\n' $i 1; i=$((i+1)); done`, operator.Failed, "", "line 17 of its output: the XComs of one try have more than 16777216 bytes"},
		"one XCom many times":       {`i=0; while test $i -lt 20; do printf '{"xcom": {"key": "a", "value": "%01000000d"}}\n' 1; i=$((i+1)); done`, operator.Success, "null", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := operatortest.NewTask(t)
			result, err := shell(t, task, tc.program, "")
			assert.Equal(t, tc.kind, operator.Classify(t.Context(), err).Kind, err)
			if tc.text != "" {
				require.ErrorContains(t, err, tc.text)
				assert.Less(t, len(err.Error()), 600)
			}
			if tc.result != "" {
				got, err := json.Marshal(result)
				require.NoError(t, err)
				assert.JSONEq(t, tc.result, string(got))
			}
			assert.NotContains(t, task.LogText(), "xxxxxxxx")
		})
	}
}

func TestExecTakesFrames(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.Masker.Add("s3cr3t-w0rd")
	_, err := shell(t, task, `
printf '%s\n' '{"log": "first"}'
printf '%s\n' '{"log": "two\nlines s3cr3t-w0rd", "level": "warning"}'
printf '%s\n' '{"xcom": {"key": "rows", "value": [1, "a"]}}'
printf '%s\n' '{"progress": {"page": 7}}'
printf '%s\n' '{"progress": {"page": 8}}'
echo '{"reschedule": 90, "reason": "page 9 is not there"}'`, "")
	outcome := operator.Classify(t.Context(), err)
	assert.Equal(t, operator.Waiting, outcome.Kind)
	assert.Equal(t, "1m30s page 9 is not there", fmt.Sprint(outcome.RetryAfter, " ", outcome.Reason))
	log := task.LogText()
	assert.Contains(t, log, "level=INFO msg=first")
	assert.Contains(t, log, "level=WARN msg=two\n")
	assert.Contains(t, log, `level=WARN msg="lines ***"`)
	assert.Equal(t, map[string]any{"rows": json.RawMessage(`[1, "a"]`)}, task.Pushed)
	assert.Equal(t, map[string]string{"program": `{"page": 8}`}, task.Kept)

	assert.Equal(t, 1, strings.Count(log, "level=WARN msg=two"))

	task.TryNumber = 2
	result, err := shell(t, task, `grep -o '"progress":{[^}]*}' >&2; echo '{"result": true}'`, "")
	require.NoError(t, err)
	assert.Equal(t, json.RawMessage("true"), result)
	assert.Contains(t, task.LogText(), `{\"page\":8}`)
}

// What a program is told, whole. Only connections that the task names are in it, and none is in the log or the environment.
func TestExecInput(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.Conns["inbox"], task.Conns["other"] = inbox(), inbox()
	task.Conf, task.Params = map[string]any{"full": true}, map[string]any{"full": true, "shop": 3}
	file := filepath.Join(task.DAGFolder, "in")
	_, err := shell(t, task, `cat > "$F"; cat "$F" >&2; env >&2`, `
args: {n: 12, day: "2024-01-02", list: [a, null]}
connections: [inbox]
env: {F: `+file+`}
append_env: true`)
	require.NoError(t, err)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.JSONEq(t, `{"protocol": 1, "dag_id": "dag", "run_id": "manual__test", "task_id": "task", "map_index": -1, "try_number": 1, "max_tries": 1,
		"logical_date": "2024-01-02T00:00:00Z", "data_interval_start": "2024-01-02T00:00:00Z", "data_interval_end": "2024-01-03T00:00:00Z",
		"run_after": "2024-01-03T00:00:00Z", "start_date": "2024-01-03T00:00:00Z", "dag_folder": "`+task.DAGFolder+`", "conf": {"full": true}, "params": {"full": true, "shop": 3},
		"args": {"n": 12, "day": "2024-01-02", "list": ["a", null]},
		"connections": {"inbox": {"conn_type": "fs", "login": "ann", "password": "`+password+`"}}, "progress": null}`, string(got))
	assert.Equal(t, 1, strings.Count(string(got), "\n"), "one line")
	assert.NotContains(t, task.LogText(), password)
	assert.Contains(t, task.LogText(), "AIRFLOW_CTX_TASK_ID=task")
}

// A program may leave its input alone, however long it is, and so may those whom it leaves behind.
func TestExecNeedNotRead(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"never":      "true",
		"closes it":  "exec <&-; true",
		"child":      "sleep 1000 >&- 2>&- & echo $! > pid",
		"some of it": "head -c 10 > /dev/null",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := operatortest.NewTask(t)
			dir := t.TempDir()
			_, err := shell(t, task, text, fmt.Sprintf("cwd: %s\nargs: {text: %s}", dir, strings.Repeat("x", 1<<20)))
			require.NoError(t, err)
			endChild(t, dir)
		})
	}
}

// endChild ends the process that a program has left running and noted.
func endChild(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscan(string(text), &pid)
	require.NoError(t, err)
	p, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, p.Kill())
}

// Somebody who holds the output open keeps the task for some seconds, not for ever.
func TestExecLeavesBehindWhoHoldsTheOutput(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	dir := t.TempDir()
	result, err := shell(t, task, `sleep 1000 & echo $! > pid; echo '{"result": 1}'`, "cwd: "+dir)
	require.NoError(t, err)
	assert.Equal(t, json.RawMessage("1"), result)
	assert.Contains(t, task.LogText(), "a process that it left running holds its output open")
	endChild(t, dir)
}

// Everybody whom a program started ends with the task.
func TestExecEndsThemAll(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"child":         `echo ready >&2; sleep 1000`,
		"background":    `echo ready >&2; sleep 1000 &`,
		"output closed": `echo ready >&2; exec >&- 2>&-; sleep 1000`,
		"half a frame":  `printf '{"resu'; echo ready >&2; sleep 1000`,
		"trap":          `trap 'printf "{\"result\": 1"; exit 4' TERM; echo ready >&2; sleep 1000 & wait`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := operatortest.NewTask(t)
			command, err := json.Marshal(text)
			require.NoError(t, err)
			op := operatortest.Decode(t, suite.Spec(t, "exec"), "program: [sh, -c, "+string(command)+"]")
			kind, err := task.TimeOut(op, "msg=ready")
			require.EqualError(t, err, "sh was stopped: execution_timeout has passed")
			assert.Equal(t, operator.Timeout, kind)
		})
	}
}

func TestExecFindsTheProgram(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.DAGFolder = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(task.DAGFolder, "ops"), 0o700))
	place(t, task.DAGFolder, "ops/good.sh", "#!/bin/sh\necho \"{\\\"result\\\": \\\"$1\\\"}\"\n", 0o700)
	place(t, task.DAGFolder, "ops/plain.sh", "#!/bin/sh\n", 0o600)
	place(t, task.DAGFolder, "ops/nobody.sh", "#!/no/such/interpreter\n", 0o700)
	place(t, task.DAGFolder, "ops/text", "\x00\x01 nothing that runs", 0o700)
	for text, want := range map[string]string{
		"program: [./ops/good.sh, a b]": "", "program: [ops/good.sh, a b]": "",
		"program: [" + task.DAGFolder + "/ops/good.sh, a b]": "",
		"program: ./ops/none.sh":                             `no file "./ops/none.sh" in the folder of the DAG file`,
		"program: /no/such/program":                          "run program: fork/exec /no/such/program: no such file or directory: there is no such program",
		"program: good.sh":                                   `no program "good.sh" in the PATH of the worker: install it there, or give its path, which is ./good.sh`,
		"program: ops/plain.sh":                              "permission denied: make it an executable file, with chmod +x",
		"program: ./ops":                                     "make it an executable file",
		"program: ops/nobody.sh":                             "or not the interpreter that its first line names",
		"program: ops/text":                                  "exec format error: its first line has to name its interpreter, such as #!/bin/sh",
	} {
		result, err := suite.Run(t, task, "exec", text)
		if want == "" {
			require.NoError(t, err, text)
			assert.Equal(t, json.RawMessage(`"a b"`), result)
			continue
		}
		require.ErrorContains(t, err, want, text)
		assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind, text)
	}
	_, err := suite.Run(t, task, "exec", "{program: 'true', connections: [nobody]}")
	require.ErrorContains(t, err, `read the connections of the program: connection "nobody"`)
	_, err = suite.Run(t, task, "exec", "{program: 'true', cwd: /no/such/dir}")
	require.ErrorContains(t, err, "use the working directory")
}

func TestExecParameters(t *testing.T) {
	t.Parallel()
	suite.Refused(t, "exec", map[string]string{
		"{}":                        `missing parameter "program"`,
		"program: []":               "program is empty",
		"program: ''":               "program is empty",
		"{program: a, args: [1]}":   "mapping",
		"{program: a, password: x}": "unknown parameter",
	})
}

func TestExecRepeatSafe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"program: a": true, "{program: a, repeat_safe: false}": false} {
		op, ok := operatortest.Decode(t, suite.Spec(t, "exec"), text).(operator.RepeatChecker)
		require.True(t, ok)
		assert.Equal(t, want, op.RepeatSafe(), text)
	}
}

// A secret that a program prints by mistake where a frame should be does not show in the error.
func TestExecMasksWhatItQuotes(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.Conns["inbox"] = inbox()
	_, err := shell(t, task, `printf '%0110d' 1; cat`, "connections: inbox")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), password[:4])
	_, err = shell(t, task, `sed 's/.*"password":"\([^"]*\)".*/\1/'`, "connections: inbox")
	require.ErrorContains(t, err, "***")
	assert.NotContains(t, err.Error(), password)
}
