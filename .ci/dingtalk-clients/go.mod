module github.com/dingdag/dingdag/ci/dingtalk-clients

go 1.26

require (
	github.com/CatchZeng/dingtalk v1.5.0
	github.com/blinkbean/dingtalk v1.1.3
	github.com/open-dingtalk/dingtalk-stream-sdk-go v0.9.1
)

require (
	github.com/google/uuid v1.3.0 // indirect
	github.com/gorilla/websocket v1.5.0 // indirect
)
