package http

// RejectedParams are the parameters of Airflow's HTTP classes that are refused by those
// who embed [Request], with what to do instead.
func RejectedParams() map[string]string {
	return map[string]string{
		"auth_type":      "set login and password, or an Authorization header, in the connection",
		"retry_args":     "use retries and retry_delay of the task",
		"request_kwargs": "use headers, data and extra_options",
	}
}
