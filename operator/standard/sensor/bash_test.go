package sensor_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestCheckBashSensor(t *testing.T) {
	t.Parallel()
	operatortest.Check(t, suite.Spec(t, "bash_sensor"), operatortest.Options{
		Outcomes: map[string]operator.Kind{"Wait until a directory has files": operator.Waiting},
		Blocking: "{bash_command: 'echo begun; sleep 1000', retry_exit_code: 1}",
		Running:  func(_ *testing.T, task *operatortest.Task) { task.AwaitLog("begun") },
	})
}

func TestBashSensor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		yaml string
		want operator.Kind
		text string
	}{
		"found":             {"bash_command: 'true'", operator.Success, ""},
		"any code":          {"bash_command: exit 3", operator.Waiting, ""},
		"no such command":   {"bash_command: no-such-command-here", operator.Waiting, ""},
		"a signal":          {"bash_command: kill -9 $$", operator.Waiting, ""},
		"99 skips nothing":  {"bash_command: exit 99", operator.Waiting, ""},
		"the code":          {"{bash_command: exit 3, retry_exit_code: 3}", operator.Waiting, ""},
		"another code":      {"{bash_command: echo broken; exit 4, retry_exit_code: 3}", operator.Failed, "bash ended by exit status 4, which is not retry_exit_code; its last lines:\nbroken"},
		"found, with code":  {"{bash_command: 'true', retry_exit_code: 0}", operator.Success, ""},
		"signal, with code": {"{bash_command: kill -9 $$, retry_exit_code: 3}", operator.Failed, "signal: killed"},
		"env":               {`{bash_command: 'test "$A/$HOME" = 1/', env: {A: "1"}}`, operator.Success, ""},
		"context":           {`bash_command: 'test "$AIRFLOW_CTX_DAG_ID" = dag'`, operator.Success, ""},
		"own directory":     {`bash_command: 'test -z "$(ls)"'`, operator.Success, ""},
		"a script file":     {"bash_command: ./nothere.sh", operator.Waiting, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := suite.Run(t, operatortest.NewTask(t), "bash_sensor", tc.yaml)
			assert.Nil(t, result)
			assert.Equal(t, tc.want, operator.Classify(t.Context(), err).Kind, err)
			if tc.text != "" {
				require.ErrorContains(t, err, tc.text)
			}
		})
	}
}

func TestBashSensorLogs(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	_, err := suite.Run(t, task, "bash_sensor", `{bash_command: "printf '\\xc4\\xe3'; exit 1", output_encoding: gbk}`)
	require.Error(t, err)
	assert.Contains(t, task.LogText(), "msg=你")
	assert.Contains(t, task.LogText(), `msg="not yet" bash="exit status 1"`)
	suite.Refused(t, "bash_sensor", map[string]string{
		"{}": `missing parameter "bash_command"`,
		"{bash_command: a, retry_exit_code: 256}":     "at most 255",
		"{bash_command: a, retry_exit_code: [1]}":     "whole number",
		"{bash_command: a, output_encoding: klingon}": "must be one of",
		"{bash_command: a, append_env: true}":         "unknown parameter",
	})
}
