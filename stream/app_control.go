package stream

import (
	"context"
	"errors"
	"fmt"
)

// ErrRunning is returned by what an app that runs can't do.
var ErrRunning = errors.New("app runs")

// Close ends [App.Run] as the end of its context would, and waits until it has
// returned or ctx ends. It is nil if Run had not begun, which then returns at
// once, or has returned before. Code that Run waits for, such as a processor or
// a listener, must not wait for Close: it ends the context of Run instead.
func (a *App) Close(ctx context.Context) error {
	a.closing()
	if !a.started.Load() {
		return nil
	}
	select {
	case <-a.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("app %s is still stopping: %w", a.c.ID, ctx.Err())
	}
}

// Pause keeps the app from processing and punctuating until [App.Resume]. It stays
// in the group with all its tasks, restores them and keeps standbys current. What
// was processed before is committed. Records that come meanwhile wait. It can be
// called before Run, and other instances are not paused (KIP-834).
func (a *App) Pause() {
	if !a.paused.Swap(true) {
		a.log.Info("app is paused")
	}
}

// Resume ends what [App.Pause] began. It does nothing if the app is not paused.
func (a *App) Resume() {
	if a.paused.Swap(false) {
		a.log.Info("app is resumed")
		a.crew.wake()
	}
}

// Paused says whether the app is paused.
func (a *App) Paused() bool { return a.paused.Load() }

// CleanUp deletes the local state of the app: the folder of its application id
// below StateDir. The next [App.Run] restores it from the changelogs, under a new
// identity in the group. The error is [ErrRunning] while Run runs, and wraps
// [ErrStateInUse] if another process has the folder.
func (a *App) CleanUp() error {
	switch a.State() {
	case Created, NotRunning, Failed:
	default:
		return fmt.Errorf("app %s: local state can't be deleted: %w", a.c.ID, ErrRunning)
	}
	if err := removeState(a.c.StateDir, a.c.ID); err != nil {
		return fmt.Errorf("app %s: %w", a.c.ID, err)
	}
	return nil
}
