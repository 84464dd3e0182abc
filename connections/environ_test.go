package connections_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/connections"
)

func TestChildEnviron(t *testing.T) {
	t.Parallel()
	env := []string{
		"PATH=/bin", "DINGDAG_HOME=/var/lib/dingdag", "DINGDAG_SECRET_KEY=key-of-the-store", "DINGDAG_CONN_A=http://u:passw0rd-a@h",
		`AIRFLOW_CONN_B={"conn_type": "http", "password": "passw0rd-b"}`, "AIRFLOW_VAR_REGION=cn", "AIRFLOW_VAR_MY_TOKEN=token-one",
		"DINGDAG_VAR_API_KEY=key-one", "AIRFLOW__CORE__FERNET_KEY=f", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=s", "AIRFLOW__CORE__PARALLELISM=4",
		"AWS_SECRET_ACCESS_KEY=theirs", "DINGDAG_HEARTBEAT_URL=https://hc-ping.com/a-uuid",
		"DINGDAG_DATABASE_URL=postgres://u:passw0rd-d@h/d", "DINGDAG_LOG_STORE_KEY=id:passw0rd-e",
	}
	m := connections.NewMasker()
	assert.Equal(t, []string{
		"PATH=/bin", "DINGDAG_HOME=/var/lib/dingdag", "AIRFLOW_VAR_REGION=cn", "AIRFLOW__CORE__PARALLELISM=4", "AWS_SECRET_ACCESS_KEY=theirs",
	}, m.ChildEnviron(env))
	assert.Equal(t, "passw0rd-a", m.Mask("passw0rd-a"))

	assert.Equal(t, []string{
		"PATH=/bin", "DINGDAG_HOME=/var/lib/dingdag", "DINGDAG_CONN_A=http://u:passw0rd-a@h", "AIRFLOW_VAR_REGION=cn", "AIRFLOW_VAR_MY_TOKEN=token-one",
		"AIRFLOW__CORE__PARALLELISM=4", "AWS_SECRET_ACCESS_KEY=theirs",
	}, m.ChildEnviron(env, "DINGDAG_CONN_A", "AIRFLOW_VAR_MY_TOKEN", "NO_SUCH"))
	assert.Equal(t, "*** *** passw0rd-b", m.Mask("passw0rd-a token-one passw0rd-b"))
	m.AddEnviron(env)
	assert.Equal(t, "*** *** *** /bin cn", m.Mask("passw0rd-b key-of-the-store key-one /bin cn"))
}
