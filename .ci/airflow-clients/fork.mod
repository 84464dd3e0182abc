module github.com/dingdag/dingdag/ci/airflow-clients

go 1.26

require github.com/apache/airflow-client-go/airflow v0.0.0-20230210234754-8ce0b39cfbb2

require golang.org/x/oauth2 v0.24.0 // indirect

replace github.com/apache/airflow-client-go/airflow => github.com/drfaust92/airflow-client-go/airflow v0.0.0-20260704144150-84909d8bc79b
