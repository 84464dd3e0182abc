package connections

import (
	"slices"
	"strings"
)

// SecretEnv reports whether a variable of the environment is one of ours or Airflow's
// that holds a secret: a connection, the key of the store or of Airflow's database, the
// URL of the heartbeat, the key of the log store, and a variable for templates whose name is sensitive.
func (m *Masker) SecretEnv(name string) bool {
	for _, prefix := range []string{EnvConn, AirflowEnvConn} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, prefix := range []string{EnvVar, AirflowEnvVar} {
		if key, ok := strings.CutPrefix(name, prefix); ok {
			return m.SensitiveName(key)
		}
	}
	if key, ok := strings.CutPrefix(name, "AIRFLOW__"); ok {
		return m.SensitiveName(key) || containsAny(key, []string{"FERNET_KEY", "SQL_ALCHEMY_CONN", "BROKER_URL", "RESULT_BACKEND"})
	}
	return name == "DINGDAG_SECRET_KEY" || name == "DINGDAG_HEARTBEAT_URL" || name == "DINGDAG_DATABASE_URL" || name == "DINGDAG_LOG_STORE_KEY"
}

// ChildEnviron returns env, which has the form of [os.Environ], as a command of a task may
// have it: without what [Masker.SecretEnv] names, but the variables in pass, whose values
// are registered as secrets.
func (m *Masker) ChildEnviron(env []string, pass ...string) []string {
	var kept []string
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if m.SecretEnv(name) {
			if !slices.Contains(pass, name) {
				continue
			}
			m.addEnv(name, value)
		}
		kept = append(kept, entry)
	}
	return kept
}

// AddEnviron registers what is secret in env, which has the form of [os.Environ]: the values
// of the variables that [Masker.SecretEnv] names.
func (m *Masker) AddEnviron(env []string) {
	for _, entry := range env {
		if name, value, _ := strings.Cut(entry, "="); m.SecretEnv(name) {
			m.addEnv(name, value)
		}
	}
}

// addEnv registers what is secret in the value of a variable of the environment.
func (m *Masker) addEnv(name, value string) {
	if strings.HasPrefix(name, EnvConn) || strings.HasPrefix(name, AirflowEnvConn) {
		if c, err := ParseValue("env", value); err == nil {
			m.AddConnection(c)
			return
		}
	}
	m.Add(value)
}
