package standard_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

// bash runs the operator with the parameters of a YAML text.
func bash(t *testing.T, text string) (result any, task *operatortest.Task, err error) {
	t.Helper()
	task = operatortest.NewTask(t)
	result, err = operatortest.Decode(t, suite.Spec(t, "bash"), text).Execute(t.Context(), task.TaskContext)
	return result, task, err
}

func TestBashResults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ yaml, want string }{
		"last line":              {`bash_command: "echo a; echo b"`, "b"},
		"no output":              {`bash_command: "true"`, ""},
		"no newline at the end":  {`bash_command: "printf 'a\nb'"`, "b"},
		"trailing space":         {`bash_command: "printf 'b \t\r\n'"`, "b"},
		"empty last line":        {`bash_command: "echo a; echo"`, ""},
		"stderr is no result":    {`bash_command: "echo a; echo b >&2"`, "a"},
		"invalid bytes":          {`bash_command: "printf 'a\\xffb'"`, "a\uFFFDb"},
		"gbk":                    {`{bash_command: "printf '\\xc4\\xe3'", output_encoding: gbk}`, "你"},
		"latin-1":                {`{bash_command: "printf '\\xe9'", output_encoding: latin-1}`, "é"},
		"env replaces":           {`{bash_command: 'echo "$A/$HOME"', env: {A: "1"}}`, "1/"},
		"empty env":              {`{bash_command: 'echo "<$HOME>"', env: {}}`, "<>"},
		"context":                {`bash_command: 'echo $AIRFLOW_CTX_DAG_ID $AIRFLOW_CTX_TASK_ID $AIRFLOW_CTX_DAG_RUN_ID $AIRFLOW_CTX_TRY_NUMBER $AIRFLOW_CTX_LOGICAL_DATE'`, "dag task manual__test 1 2024-01-02T00:00:00+00:00"},
		"several lines":          {"bash_command: |\n  x=1\n  echo $x", "1"},
		"stdin is empty":         {`bash_command: "cat; echo end"`, "end"},
		"line longer than a log": {`bash_command: "printf 'é%.0s' {1..20000}"`, strings.Repeat("é", 20000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, _, err := bash(t, tc.yaml)
			require.NoError(t, err)
			assert.Equal(t, tc.want, result)
		})
	}
}

func TestBashAppendsEnv(t *testing.T) {
	t.Setenv("BASH_TEST_VALUE", "inherited")
	for text, want := range map[string]string{
		`bash_command: 'echo "$BASH_TEST_VALUE/$A"'`:                                          "inherited/",
		`{bash_command: 'echo "$BASH_TEST_VALUE/$A"', env: {A: "1"}}`:                         "/1",
		`{bash_command: 'echo "$BASH_TEST_VALUE/$A"', env: {A: "1"}, append_env: true}`:       "inherited/1",
		`{bash_command: 'echo $BASH_TEST_VALUE', env: {BASH_TEST_VALUE: x}, append_env: yes}`: "x",
	} {
		result, _, err := bash(t, text)
		require.NoError(t, err)
		assert.Equal(t, want, result)
	}
}

func TestBashExitCodes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		yaml string
		kind operator.Kind
		text string
	}{
		"failure":            {`bash_command: "exit 3"`, operator.Retry, "bash ended with exit code 3"},
		"last lines":         {`bash_command: "for i in 1 2 3 4 5 6; do echo line $i; done; exit 1"`, operator.Retry, "bash ended with exit code 1; its last lines:\nline 2\nline 3\nline 4\nline 5\nline 6"},
		"stderr in the tail": {`bash_command: "echo no such thing >&2; exit 1"`, operator.Retry, "bash ended with exit code 1; its last lines:\nno such thing"},
		"long line in tail":  {`bash_command: "printf 'é%.0s' {1..500}; exit 1"`, operator.Retry, "bash ended with exit code 1; its last lines:\n" + strings.Repeat("é", 150) + "…"},
		"signal":             {`bash_command: "kill -9 $$"`, operator.Retry, "bash ended by signal: killed"},
		"skip":               {`bash_command: "exit 99"`, operator.Skipped, ""},
		"skip code changed":  {`{bash_command: "exit 99", skip_on_exit_code: 98}`, operator.Retry, "bash ended with exit code 99"},
		"skip codes":         {`{bash_command: "exit 7", skip_on_exit_code: [7, 8]}`, operator.Skipped, ""},
		"never skip":         {`{bash_command: "exit 99", skip_on_exit_code: null}`, operator.Retry, "bash ended with exit code 99"},
		"unknown command":    {`bash_command: "no-such-command-here"`, operator.Retry, "exit code 127"},
		"no directory":       {`{bash_command: "true", cwd: /no/such/dir}`, operator.Retry, "use the working directory: stat /no/such/dir: no such file"},
		"file as directory":  {`{bash_command: "true", cwd: /etc/passwd}`, operator.Retry, "use the working directory: /etc/passwd is not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := bash(t, tc.yaml)
			require.Error(t, err)
			assert.Equal(t, tc.kind, operator.Classify(t.Context(), err).Kind)
			assert.Contains(t, err.Error(), tc.text)
		})
	}
}

func TestBashLogsLinesWhileRunning(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "go")
	task := operatortest.NewTask(t)
	op := operatortest.Decode(t, suite.Spec(t, "bash"), `{bash_command: 'mkfifo "$F"; echo first; read x < "$F"; echo "$x" >&2', append_env: true, env: {F: `+fifo+`}}`)
	done := make(chan error, 1)
	go func() {
		_, err := op.Execute(t.Context(), task.TaskContext)
		done <- err
	}()
	task.AwaitLog("msg=first")
	require.NoError(t, os.WriteFile(fifo, []byte("second\n"), 0o600))
	require.NoError(t, <-done)
	assert.Contains(t, task.LogText(), "level=INFO msg=second")
}

func TestBashSplitsLongLogLines(t *testing.T) {
	t.Parallel()
	_, task, err := bash(t, `bash_command: "printf 'a'; printf 'é%.0s' {1..20000}"`)
	require.NoError(t, err)
	assert.Equal(t, 3+3, strings.Count(task.LogText(), "level=INFO"), "with the command before and the exit code behind")
	assert.NotContains(t, task.LogText(), "�", "a character is not cut in two")
}

// The log shows what is run, in Airflow's words.
func TestBashShowsTheCommand(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("bash")
	require.NoError(t, err)
	for command, want := range map[string]string{
		"echo 'hi'\ntrue":       `["Running command: ['PATH', '-c', \"echo 'hi'\\ntrue\"]" Output: hi "Command exited with return code 0"]`,
		"exit 3":                `["Running command: ['PATH', '-c', 'exit 3']" Output: "Command exited with return code 3"]`,
		"kill -9 $$":            `["Running command: ['PATH', '-c', 'kill -9 $$']" Output: "Command exited with return code -9"]`,
		`: 's3cr3t"w0rd' '\é你'`: `["Running command: ['PATH', '-c', \": '***' '\\\\é你'\"]" Output: "Command exited with return code 0"]`,
	} {
		task := operatortest.NewTask(t)
		task.Masker.Add(`s3cr3t"w0rd`)
		_, _ = operatortest.Decode(t, suite.Spec(t, "bash"), fmt.Sprintf("bash_command: %q", command)).Execute(t.Context(), task.TaskContext)
		var lines []string
		for line := range strings.Lines(task.LogText()) {
			_, text, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			lines = append(lines, text)
		}
		assert.Equal(t, strings.ReplaceAll(want, "PATH", path), fmt.Sprint(lines), command)
	}
}

// A secret that lies across the place where the log or an error is cut is hidden whole.
func TestBashMasksBeforeItCuts(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-w0rd-0123456789"
	task := operatortest.NewTask(t)
	task.Masker.Add(secret)
	var script, want strings.Builder
	for _, before := range []int{100, 290, 16<<10 - 10, 16<<10 - 1, 16 << 10, 32<<10 - 11} {
		fmt.Fprintf(&script, "printf 'x%%.0s' {1..%d}; echo %s-end\n", before, secret)
		fmt.Fprintf(&want, "%s***-end", strings.Repeat("x", before))
	}
	op := operatortest.Decode(t, suite.Spec(t, "bash"), fmt.Sprintf("bash_command: %q", script.String()+"exit 1"))
	_, err := op.Execute(t.Context(), task.TaskContext)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3c")
	var logged strings.Builder
	for line := range strings.Lines(task.LogText()) {
		if _, text, _ := strings.Cut(strings.TrimSpace(line), "msg="); !strings.HasPrefix(text, `"Running`) && !strings.HasPrefix(text, `"Command`) && text != "Output:" {
			logged.WriteString(text)
		}
	}
	assert.Equal(t, want.String(), logged.String())

	op = operatortest.Decode(t, suite.Spec(t, "bash"), fmt.Sprintf("bash_command: %q", "printf 'x%.0s' {1..290}; echo "+secret+"; exit 1"))
	_, err = op.Execute(t.Context(), task.TaskContext)
	require.EqualError(t, err, "bash ended with exit code 1; its last lines:\n"+strings.Repeat("x", 290)+"***")
}

// Commands do not inherit connections and keys, wherever the environment comes from.
func TestBashInheritsNoSecrets(t *testing.T) {
	t.Setenv("DINGDAG_CONN_X", "http://u:passw0rd@h")
	t.Setenv("AIRFLOW_CONN_X", "http://u:passw0rd@h")
	t.Setenv("DINGDAG_SECRET_KEY", "passw0rd")
	t.Setenv("BASH_TEST_VALUE", "inherited")
	for _, name := range []string{"bash", "bash_sensor"} {
		for _, text := range []string{`{bash_command: "echo $BASH_TEST_VALUE; env"}`, `{bash_command: "echo $BASH_TEST_VALUE; env", append_env: true, env: {A: "1"}}`} {
			if name == "bash_sensor" && strings.Contains(text, "append_env") {
				continue
			}
			task := operatortest.NewTask(t)
			_, err := operatortest.Decode(t, suite.Spec(t, name), text).Execute(t.Context(), task.TaskContext)
			require.NoError(t, err)
			assert.Contains(t, task.LogText(), "msg=inherited")
			assert.NotContains(t, task.LogText(), "passw0rd")
		}
	}
	task := operatortest.NewTask(t)
	task.Environ = []string{"PATH=" + os.Getenv("PATH"), "BASH_TEST_VALUE=given"}
	_, err := operatortest.Decode(t, suite.Spec(t, "bash"), `{bash_command: "echo $BASH_TEST_VALUE"}`).Execute(t.Context(), task.TaskContext)
	require.NoError(t, err)
	assert.Contains(t, task.LogText(), "msg=given")
}

func TestBashDropsAHugeResult(t *testing.T) {
	t.Parallel()
	result, task, err := bash(t, `bash_command: "head -c 2000000 /dev/zero | tr '\\0' x"`)
	require.NoError(t, err)
	assert.Empty(t, result)
	assert.Contains(t, task.LogText(), "too long and is not kept as result")
}

func TestBashWorkingDirectory(t *testing.T) {
	t.Parallel()
	own := t.TempDir()
	result, _, err := bash(t, `{bash_command: "pwd; touch f", cwd: "`+own+`"}`)
	require.NoError(t, err)
	assert.Equal(t, own, result, "the last line")
	assert.FileExists(t, filepath.Join(own, "f"))

	result, _, err = bash(t, `bash_command: "touch f; pwd"`)
	require.NoError(t, err)
	assert.NoDirExists(t, result.(string), "the temporary directory is gone")
}

// Everybody who holds the output open must end, however deep and stubborn.
func TestBashEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"child":            `echo ready; sleep 1000`,
		"background child": `echo ready; sleep 1000 &`,
		"grandchild":       `echo ready; (sleep 1000; true) | cat`,
		"output closed":    `echo ready; exec >&- 2>&-; sleep 1000`,
		"trap":             `trap 'echo trapped; exit 4' TERM; echo ready; sleep 1000 & wait`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := operatortest.Decode(t, suite.Spec(t, "bash"), "bash_command: |\n  "+command)
			task := operatortest.NewTask(t)
			kind, err := task.TimeOut(op, "msg=ready")
			require.EqualError(t, err, "bash was stopped: execution_timeout has passed")
			assert.Equal(t, operator.Timeout, kind)
			if name == "trap" {
				assert.Contains(t, task.LogText(), "trapped", "SIGTERM leaves time to clean up")
			}
		})
	}
}

func TestBashTakesTemplateFiles(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		"run.sh": true, "a/b.bash": true, "run.sh ": false, "echo a\nrun.sh": false, "run.sql": false,
	} {
		assert.Equal(t, want, suite.Spec(t, "bash").NamesFile("bash_command", command), command)
		operatortest.Decode(t, suite.Spec(t, "bash"), fmt.Sprintf("bash_command: %q", command))
	}
	assert.False(t, suite.Spec(t, "bash").NamesFile("env.FILE", "run.sh"), "only the command")
	assert.False(t, suite.Spec(t, "bash_sensor").NamesFile("bash_command", "run.sh"), "Airflow's BashSensor takes none")
}
