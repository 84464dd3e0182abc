package connections

import "strings"

// harmlessExtra names the keys of extras whose values are shown: those that this
// program reads and the usual ones of Airflow's providers that hold no secret. A name
// that is not here is taken for a secret, because nobody can list all the names that
// services have for theirs. Case does not matter, and a dash is an underscore.
const harmlessExtra = "" +
	// DingTalk
	"agent_id robot_code operator_user_id qps api_host oapi_host keyword keywords rate quota robots " +
	"conversation_id user_id card_template_id card_route_key commands event_owner " +
	// alerts
	"fallback notify_user_ids open_conversation_id to " +
	// any client
	"timeout connect_timeout read_timeout write_timeout retry_limit retries num_retries max_retries verify verify_ssl ssl_verify " +
	"proxy proxies http https no_proxy endpoint endpoint_url base_url url protocol scheme method version api_version " +
	"host hostname port path base_path prefix encoding charset collation timezone time_zone tz locale " +
	"type auth_type auth_mechanism authenticator auth_method " +
	// mail
	"disable_ssl disable_tls ssl_context from_email subject_template html_content_template " +
	// HTTP headers and options
	"headers accept accept_charset accept_encoding accept_language cache_control connection content_type content_encoding date " +
	"expect from origin pragma referer user_agent check_response allow_redirects max_redirects stream trust_env " +
	// databases
	"sslmode ssl_mode ssl ca sslcert sslkey sslrootcert sslca sslsni sslnegotiation sslcompression channel_binding " +
	"target_session_attrs application_name client_encoding options search_path statement_timeout lock_timeout " +
	"idle_in_transaction_session_timeout krbsrvname krbspn keepalives keepalives_idle keepalives_interval keepalives_count " +
	"cursor client unix_socket local_infile isolation_level autocommit mode cache enable_log_db_messages " +
	"sqlalchemy_scheme sqlalchemy_query driver dialect database dbname db schema catalog service_name sid thick_mode " +
	"warehouse role account http_path " +
	// clouds
	"region region_name aws_region project project_id location zone bucket bucket_name dataset scopes " +
	// for people
	"description comment note owner team env environment"

// HarmlessExtra reports whether the value of a key of an extra may be shown: it is one of
// the known names of what is no secret, or was given to [Masker.ShowExtra]. Every other
// value of an extra is a secret.
func (m *Masker) HarmlessExtra(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.harmless[normalExtra(name)]
	return ok
}

// ShowExtra adds names of keys of extras whose values are no secrets.
func (m *Masker) ShowExtra(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		m.harmless[normalExtra(name)] = struct{}{}
	}
}

func normalExtra(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "-", "_")
}
