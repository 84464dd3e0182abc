package connections_test

import (
	"context"
	"fmt"
	"os"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/env"
)

func ExampleParseURI() {
	c, err := connections.ParseURI("dingding_default", "dingding://https://:to%2Fken@proxy.example%2Frobots?secret=SECabc")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Type, c.GetHost())
	fmt.Println(c.GetPassword())
	fmt.Println(c.GetPassword().Reveal(), c.GetExtra().Reveal())
	// Output:
	// dingding https://proxy.example/robots
	// ***
	// to/ken {"secret":"SECabc"}
}

func ExampleChain() {
	lookup := func(name string) (string, bool) { return "http://host", name == "AIRFLOW_CONN_MY_API" }
	source := connections.Chain(nil, env.New(lookup))

	c, err := source.Connection(context.Background(), "my_api")
	fmt.Println(c.URI(), err)
	_, err = source.Connection(context.Background(), "other")
	fmt.Println(err)
	// Output:
	// http://host <nil>
	// connection "other": not found; define it with `dingdag connections add other …` or in the environment as DINGDAG_CONN_OTHER or AIRFLOW_CONN_OTHER
}

func ExampleMasker_Writer() {
	m := connections.NewMasker()
	m.Add("s3cr3t")
	w := m.Writer(os.Stdout)
	fmt.Fprint(w, "the token is s3c")
	fmt.Fprint(w, "r3t")
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: the token is ***
}
