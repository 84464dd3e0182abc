package hook_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
)

func cardOperations() map[string]operation {
	return map[string]operation{
		"card_create_and_deliver": {method: "CreateCard", result: "result", call: func(ctx context.Context, a *hook.App) (any, error) {
			return a.CreateCard(ctx, hook.CardDelivery{
				TemplateID: "tpl.schema", OutTrackID: "run-42", CallbackType: "STREAM", Param: map[string]string{"title": "Deploy?"},
				OpenConversationID: "cidAb/3dE+f0==", SupportForward: true,
			})
		}},
		"card_update": {method: "UpdateCard", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.UpdateCard(ctx, hook.CardUpdate{OutTrackID: "run-42", Param: map[string]string{"title": "Deployed"}})
		}},
		"card_streaming_update": {method: "StreamCard", result: "-", call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, a.StreamCard(ctx, hook.CardPiece{OutTrackID: "run-42", GUID: "g-1", Key: "content", Content: "partial text", Full: true})
		}},
	}
}

func TestCardsToPeople(t *testing.T) {
	t.Parallel()
	s := startApp(t, answering(`{"success":true,"result":{"outTrackId":"t","deliverResults":[{"spaceId":"u1","success":false,"errorMsg":"no such user"}]}}`))
	a := s.app(t)
	_, err := a.CreateCard(t.Context(), hook.CardDelivery{TemplateID: "x", OutTrackID: "t", UserID: "u1"})
	assert.Contains(t, failed(t, err).Error(), "not delivered to u1: no such user")
	want := `{"cardTemplateId":"x","outTrackId":"t","cardData":{"cardParamMap":{}},"openSpaceId":"dtv1.card//IM_ROBOT.u1","userIdType":1,
		"imRobotOpenSpaceModel":{"supportForward":false},"imRobotOpenDeliverModel":{"spaceType":"IM_ROBOT","robotCode":"` + appKey + `"}}`
	assert.JSONEq(t, want, s.got()[0].Body)

	_, err = a.CreateCard(t.Context(), hook.CardDelivery{TemplateID: "x", OutTrackID: "t", UserID: "u1", OpenConversationID: "cid"})
	assert.Equal(t, hook.KindInvalid, failed(t, err).Kind)
	require.NoError(t, a.UpdateCard(t.Context(), hook.CardUpdate{OutTrackID: "t", Private: map[string]map[string]string{"u1": {"a": "b"}}}))
	assert.JSONEq(t, `{"outTrackId":"t","cardData":{"cardParamMap":{}},"privateData":{"u1":{"cardParamMap":{"a":"b"}}},"userIdType":1,
		"cardUpdateOptions":{"updateCardDataByKey":true,"updatePrivateDataByKey":true}}`, s.got()[1].Body)
}
