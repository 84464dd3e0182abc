// Command dingdag-s3 is dingdag with object storage for task logs: the setting log_store may be a URL such as
// s3://BUCKET/PREFIX?endpoint=https://HOST.
package main

import (
	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/s3"
	"github.com/dingdag/dingdag/tasklog"
)

func main() {
	cli.MainWith(cli.Extensions{LogStores: map[string]func(string, string) (tasklog.Store, error){
		s3.Scheme: func(url, key string) (tasklog.Store, error) { return s3.Open(url, key) },
	}})
}
