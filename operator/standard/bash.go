package standard

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/process"
)

// BashOperator runs a command in bash.
//
// The task log shows the command with secrets masked, its output line by line while it runs,
// and how it ended. The last line of its standard output is the result (XCom). A command that
// exits with a code other than 0 fails the task; code 99 skips it.
//
// When the task times out or is stopped, all processes of the command get SIGTERM and, 5
// seconds later, SIGKILL, including those that have left its process group (setsid, nohup). On
// Linux they are found by their control group (version 2) if dingdag may create one, and
// otherwise by a variable in their environment and by their parents. Without such a control
// group, a process that leaves the group, clears its environment and outlives its parents is
// not found; on systems other than Linux, neither is any process that leaves the group. If
// dingdag itself was killed, the next one ends the processes when it starts and removes their
// temporary directory. Processes that a command leaves running when it ends by itself are not
// stopped.
//
// The command sees the variables AIRFLOW_CTX_DAG_ID, AIRFLOW_CTX_TASK_ID,
// AIRFLOW_CTX_DAG_RUN_ID, AIRFLOW_CTX_TRY_NUMBER and AIRFLOW_CTX_LOGICAL_DATE.
type BashOperator struct {
	// Command is the command or script text. A value that comes from outside is safe only as a
	// variable in env, not as a template in the command. To run a script without rendering it,
	// put a space after its name: "./load.sh ".
	Command string `yaml:"bash_command" param:"required,template,files=.sh|.bash"`
	// Env replaces the environment of the command. Null inherits the worker's, without
	// connections, sensitive variables and keys unless the setting pass_env lets them through.
	Env map[string]string `yaml:"env" param:"template"`
	// AppendEnv adds env to the inherited environment instead of replacing it.
	AppendEnv bool `yaml:"append_env" param:"default=false"`
	// Cwd is the working directory, which must exist. Null is a temporary directory
	// that is removed afterwards.
	Cwd string `yaml:"cwd" param:"template"`
	// OutputEncoding is the encoding of what the command prints. Invalid bytes are replaced.
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
			"airflow.operators.BashOperator",
			"airflow.providers.standard.operators.bash.BashOperator",
		),
		operator.Example("A command whose last line is the result", `bash_command: "date -u +%F"`),
		operator.Example("Values from outside come in as variables", `
bash_command: 'echo "rows of $DAY"'
env: {DAY: "{{ ds }}"}
append_env: true
`),
		operator.Example("Skip the task if there is nothing to do", `
bash_command: 'test -e /no/such/file || exit 99'
skip_on_exit_code: 99
`),
	)
}

// Execute runs the command and returns the last line of its standard output, "" when
// there is none.
func (b *BashOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	dir, remove, err := process.Directory(b.Cwd)
	if err != nil {
		return nil, err
	}
	defer remove()
	out := process.NewOutput(ctx, tc, b.OutputEncoding)
	return b.result(out, process.Bash(ctx, tc, b.Command, dir, process.Environ(tc, b.Env, b.AppendEnv), out))
}

func (b *BashOperator) result(out *process.Output, err error) (any, error) {
	if err == nil {
		return out.Result(), nil
	}
	if stopped, ok := errors.AsType[process.StoppedError](err); ok {
		return nil, fmt.Errorf("bash was stopped: %w", stopped.Cause)
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case !ok:
		return nil, fmt.Errorf("run bash: %w", err)
	case slices.Contains(b.SkipOnExitCode, exit.ExitCode()):
		return nil, operator.Skip(fmt.Sprintf("bash ended with exit code %d", exit.ExitCode()))
	case exit.Exited():
		return nil, fmt.Errorf("bash ended with exit code %d%s", exit.ExitCode(), out.Tail())
	default:
		return nil, fmt.Errorf("bash ended by %v%s", exit.ProcessState, out.Tail())
	}
}
