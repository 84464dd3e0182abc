package operator_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/http"
	"github.com/dingdag/dingdag/operator/python"
	"github.com/dingdag/dingdag/operator/standard"
)

type nothing struct{}

func (*nothing) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

func TestNewRegistryRefusesRejectedNames(t *testing.T) {
	t.Parallel()
	_, err := operator.NewRegistry(
		operator.Define[nothing]("ssh"),
		operator.Define[nothing]("subdag", operator.Alias("airflow.operators.subdag.SubDagOperator")),
	)
	require.Error(t, err)
	assert.Contains(t, err.Error(), `operator "ssh": the name "ssh" cannot be registered`)
	assert.Contains(t, err.Error(), `operator "subdag": the name "airflow.operators.subdag.SubDagOperator" cannot be registered`)
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"airflow.operators.branch.BaseBranchOperator":                             "use branch_python with a function, branch, branch_sql",
		"airflow.contrib.operators.kubernetes_pod_operator.KubernetesPodOperator": "through bash or http",
		"airflow.contrib.operators.ssh_operator.SSHOperator":                      "use bash to start the program that logs in there",
		"slack_webhook": "use dingding",
		"sql_transfer":  "use bash",
	} {
		message, ok := operator.Rejected(name)
		require.True(t, ok, name)
		assert.Contains(t, message, want, name)
	}
	for _, name := range []string{"bash", "", "python", "mycompany.operators.PythonOperator", "airflow.operators.bash.BashOperator"} {
		_, ok := operator.Rejected(name)
		assert.False(t, ok, name)
	}
}

// What a message tells people to use instead must exist; those of databases have a
// package of their own.
func TestRejectedNamesWhatExists(t *testing.T) {
	t.Parallel()
	registry, err := operator.NewRegistry(slices.Concat(standard.Specs(), http.Specs(), python.Specs(python.Options{}))...)
	require.NoError(t, err)
	names := regexp.MustCompile(`\b[a-z]+(_[a-z]+)+\b`)
	recommended := 0
	for _, message := range operator.RejectedMessages() {
		for _, name := range names.FindAllString(message, -1) {
			if strings.Contains(name, "sql") {
				continue
			}
			_, found := registry.Lookup(name)
			assert.True(t, found, "%s, in %q", name, message)
			recommended++
		}
	}
	assert.Positive(t, recommended)
}
