package sensor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/process"
)

// BashSensor runs a command in bash until it ends with exit code 0. Each poke runs the command
// again, in a temporary directory.
//
// What the command prints goes to the task log. It sees the same variables as the command of
// the bash operator, and is ended in the same way when the task is stopped.
type BashSensor struct {
	// Command is the command or script text. A value that comes from outside is safe
	// only as a variable in env, not as a template in the command.
	Command string `yaml:"bash_command" param:"required,template"`
	// Env replaces the environment of the command. Null inherits the worker's, without
	// connections, sensitive variables and keys unless the setting pass_env lets them through.
	Env map[string]string `yaml:"env" param:"template"`
	// OutputEncoding is the encoding of what the command prints. Invalid bytes are replaced.
	OutputEncoding string `yaml:"output_encoding" param:"default=utf-8,enum=utf-8|utf8|ascii|latin-1|gbk|gb18030"`
	// RetryExitCode is the exit code that means not yet; any other code except 0 then fails
	// the sensor, without a retry. By default every exit code except 0 means not yet.
	RetryExitCode *int `yaml:"retry_exit_code" param:"min=0,max=255"`
}

var _ operator.Operator = (*BashSensor)(nil)

func bashSensorSpec(docs operator.Option) operator.Spec {
	return operator.Define[BashSensor]("bash_sensor", docs, operator.Sensor(), operator.Deferrable(),
		operator.Alias(
			"airflow.sensors.bash.BashSensor",
			"airflow.contrib.sensors.bash_sensor.BashSensor",
			"airflow.providers.standard.sensors.bash.BashSensor",
		),
		operator.Example("Wait until a directory has files", `bash_command: 'test -n "$(ls /data/in/{{ ds }})"'`),
		operator.Example("Distinguish not yet from errors", `
bash_command: 'test -d / || exit 3'
retry_exit_code: 3
`),
	)
}

// Execute runs the command once.
func (b *BashSensor) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	dir, remove, err := process.Directory("")
	if err != nil {
		return nil, err
	}
	defer remove()
	out := process.NewOutput(ctx, tc, b.OutputEncoding)
	return nil, b.verdict(ctx, tc, out, process.Bash(ctx, tc, b.Command, dir, process.Environ(tc, b.Env, false), out))
}

func (b *BashSensor) verdict(ctx context.Context, tc *operator.TaskContext, out *process.Output, err error) error {
	if err == nil {
		return nil
	}
	if stopped, ok := errors.AsType[process.StoppedError](err); ok {
		return fmt.Errorf("bash was stopped: %w", stopped.Cause)
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case !ok:
		return fmt.Errorf("run bash: %w", err)
	case b.RetryExitCode == nil || *b.RetryExitCode == exit.ExitCode():
		tc.Log.InfoContext(ctx, "not yet", "bash", exit.ProcessState.String())
		return operator.NotYet()
	default:
		return operator.Fail(fmt.Errorf("bash ended by %v, which is not retry_exit_code%s", exit.ProcessState, out.Tail()))
	}
}
