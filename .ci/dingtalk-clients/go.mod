module github.com/dingdag/dingdag/ci/dingtalk-clients

go 1.26

require (
	github.com/CatchZeng/dingtalk v1.5.0
	github.com/blinkbean/dingtalk v1.1.3
)
