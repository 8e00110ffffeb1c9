package ginapi

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// rescue answers a panic with 500 and logs it with its stack.
func (a *API) rescue(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(cause)
		}
		a.options.Logger.Error("panic", append(a.about(c),
			zap.String("panic", panicText(cause)), zap.ByteString("stack", debug.Stack()))...)
		c.Abort()
		if !c.Writer.Written() {
			describe(callOf(c.Request.Context()), fault.ErrInternal).write(c.Writer)
		}
	}()
	c.Next()
}

// panicText says what panicked. Errors other than the runtime's may quote what
// they were about, so that only their type is told.
func panicText(cause any) string {
	switch v := cause.(type) {
	case runtime.Error:
		return v.Error()
	case string:
		return v
	}
	return fmt.Sprintf("%T", cause)
}
