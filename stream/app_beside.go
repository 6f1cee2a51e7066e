package stream

import (
	"context"
	"errors"
	"fmt"
)

// withBeside runs the app and, if there is one, what runs beside it. Each ends
// when the other one does.
func (a *App) withBeside(ctx context.Context, run func(context.Context) error) error {
	if a.c.Beside == nil {
		return run(ctx)
	}
	app, stopApp := context.WithCancel(ctx)
	defer stopApp()
	side, stopSide := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSide()
	failed := make(chan error, 1)
	go func() {
		err := a.c.Beside(side, a)
		if err != nil {
			err = fmt.Errorf("beside the app: %w", err)
			stopApp()
		}
		failed <- err
	}()
	err := run(app)
	if app.Err() != nil && errors.Is(err, app.Err()) {
		err = nil
	}
	stopSide()
	return errors.Join(err, <-failed)
}
