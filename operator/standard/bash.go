package standard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dingdag/dingdag/operator"
)

// TempPrefix begins the names of temporary folders, of which tempPrefix are the working
// directories of commands.
const (
	TempPrefix = "dingdag-"
	tempPrefix = TempPrefix + "bash-"
)

// killGrace is how long the processes of a command have between SIGTERM and SIGKILL.
const killGrace = 5 * time.Second

// BashOperator runs a command in bash.
//
// The task log has the command, secrets masked, what it prints, line by line while it
// runs, and how it ended. The last
// line of its standard output is the result (XCom). A command that ends with an exit
// code other than 0 fails; code 99 skips the task.
//
// When the task times out or is stopped, all processes of the command get SIGTERM and,
// 5 seconds later, SIGKILL, also those that have left its process group (setsid, nohup). On
// Linux they are found by their control group (version 2), where dingdag may make one, and
// else by a variable in their environment and by their parents. Not covered are, without
// such a control group, a process that has left the group, clears its environment and
// outlives its parents, and beside Linux all that leave the group. When dingdag itself was
// killed, the next one ends them at its start and removes their temporary directory. What
// a command that ends by itself leaves running goes on.
//
// The command sees the variables AIRFLOW_CTX_DAG_ID, AIRFLOW_CTX_TASK_ID,
// AIRFLOW_CTX_DAG_RUN_ID, AIRFLOW_CTX_TRY_NUMBER and AIRFLOW_CTX_LOGICAL_DATE.
type BashOperator struct {
	// Command is the command or script text. A value that comes from outside is safe
	// only as a variable in env, not as a template in the command. To run a script as it
	// is, put a space behind its name: "./load.sh ".
	Command string `yaml:"bash_command" param:"required,template,files=.sh|.bash"`
	// Env replaces the environment of the command. Null inherits that of the worker, without
	// connections, sensitive variables and keys, which the setting pass_env lets through.
	Env map[string]string `yaml:"env" param:"template"`
	// AppendEnv adds env to the inherited environment instead of replacing it.
	AppendEnv bool `yaml:"append_env" param:"default=false"`
	// Cwd is the working directory, which must exist. Null is a temporary directory
	// that is removed afterwards.
	Cwd string `yaml:"cwd" param:"template"`
	// OutputEncoding is the encoding of what the command prints. Bytes that do not fit
	// are replaced.
	OutputEncoding string `yaml:"output_encoding" param:"default=utf-8,enum=utf-8|utf8|ascii|latin-1|gbk|gb18030"`
	// SkipOnExitCode lists the exit codes that skip the task: a number, a list or null.
	SkipOnExitCode []int `yaml:"skip_on_exit_code" param:"single,default=99,min=0,max=255"`
}

var _ operator.Operator = (*BashOperator)(nil)

func bashSpec(docs operator.Option) operator.Spec {
	return operator.Define[BashOperator]("bash", docs,
		operator.Alias(
			"airflow.operators.bash.BashOperator",
			"airflow.operators.bash_operator.BashOperator",
			"airflow.providers.standard.operators.bash.BashOperator",
		),
		operator.Example("A command whose last line is the result", `bash_command: "date -u +%F"`),
		operator.Example("Values from outside come in as variables", `
bash_command: 'echo "rows of $DAY"'
env: {DAY: "{{ ds }}"}
append_env: true
`),
		operator.Example("Skip the task when there is nothing to do", `
bash_command: 'test -e /no/such/file || exit 99'
skip_on_exit_code: 99
`),
	)
}

// Execute runs the command and returns the last line of its standard output, "" when
// there is none.
func (b *BashOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	dir, remove, err := directory(b.Cwd)
	if err != nil {
		return nil, err
	}
	defer remove()
	out := newOutput(ctx, tc, b.OutputEncoding)
	return b.result(out, runBash(ctx, tc, b.Command, dir, environ(tc, b.Env, b.AppendEnv), out))
}

// runBash runs a command. Its error is that of [run].
func runBash(ctx context.Context, tc *operator.TaskContext, text, dir string, env []string, out *output) error {
	c := command{args: []string{"bash", "-c", text}, dir: dir, env: env, mark: newMark()}
	temporary := dir
	if !strings.HasPrefix(filepath.Base(dir), tempPrefix) {
		temporary = ""
	}
	var err error
	if c.note, err = newNote(tc, c.mark, temporary); err != nil {
		return err
	}
	defer c.note.over()
	c.announce(ctx, out)
	err = run(ctx, c, out, killGrace)
	if code, known := returnCode(err); known {
		c.ended(ctx, out, code)
	}
	return err
}

// returnCode is how a command ended by itself, as Python has it: a signal is a negative
// number.
func returnCode(err error) (code string, known bool) {
	if err == nil {
		return "0", true
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return "", false
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return strconv.Itoa(-int(status.Signal())), true
	}
	return strconv.Itoa(exit.ExitCode()), true
}

func (b *BashOperator) result(out *output, err error) (any, error) {
	if err == nil {
		return out.result(), nil
	}
	if stopped, ok := errors.AsType[stoppedError](err); ok {
		return nil, fmt.Errorf("bash was stopped: %w", stopped.cause)
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case !ok:
		return nil, fmt.Errorf("run bash: %w", err)
	case slices.Contains(b.SkipOnExitCode, exit.ExitCode()):
		return nil, operator.Skip(fmt.Sprintf("bash ended with exit code %d", exit.ExitCode()))
	case exit.Exited():
		return nil, fmt.Errorf("bash ended with exit code %d%s", exit.ExitCode(), out.tail())
	default:
		return nil, fmt.Errorf("bash ended by %v%s", exit.ProcessState, out.tail())
	}
}

// directory returns the working directory, a temporary one for "", and a function that
// cleans up after it.
func directory(cwd string) (dir string, remove func(), err error) {
	if cwd == "" {
		dir, err = os.MkdirTemp("", tempPrefix)
		if err != nil {
			return "", nil, fmt.Errorf("make a working directory: %w", err)
		}
		// What the command leaves behind must not fail a task that succeeded.
		return dir, func() { _ = os.RemoveAll(dir) }, nil
	}
	switch info, err := os.Stat(cwd); {
	case err != nil:
		return "", nil, fmt.Errorf("use the working directory: %w", err)
	case !info.IsDir():
		return "", nil, fmt.Errorf("use the working directory: %s is not a directory", cwd)
	}
	return cwd, func() {}, nil
}

// environ returns the environment of a command: that of the worker, replaced by own, or
// with add joined by it.
func environ(tc *operator.TaskContext, own map[string]string, add bool) []string {
	var env []string
	if own == nil || add {
		env = slices.Clone(tc.Environ)
		if env == nil {
			env = maskerOf(tc).ChildEnviron(os.Environ())
		}
	}
	for name, value := range own {
		env = append(env, name+"="+value)
	}
	env = append(env,
		"AIRFLOW_CTX_DAG_ID="+tc.DAGID,
		"AIRFLOW_CTX_TASK_ID="+tc.TaskID,
		"AIRFLOW_CTX_DAG_RUN_ID="+tc.RunID,
		"AIRFLOW_CTX_TRY_NUMBER="+strconv.Itoa(tc.TryNumber),
	)
	if !tc.LogicalDate.IsZero() {
		env = append(env, "AIRFLOW_CTX_LOGICAL_DATE="+tc.LogicalDate.UTC().Format("2006-01-02T15:04:05.999999-07:00"))
	}
	return env
}
