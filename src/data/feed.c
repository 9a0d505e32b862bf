// SPDX-License-Identifier: MIT
#include "src/data/feed.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "src/base/alloc.h"
#include "src/base/rng.h"
#include "src/data/reader.h"
#include "src/data/sample.h"

// The ring. The worker fills slots[tail], the reader holds slots[head]:
//
//     head          head + ready      (all modulo n_slots)
//     | held? ready ready | free free
//
// A seek empties the ring and adds one to `turn`; a worker that comes back with a batch of an
// older turn throws it away. Invariants, under the lock: held + ready < n_slots while filling, so
// the slot being filled is never one that the reader can see; made == next + ready.

enum { AHEAD_MAX = 64 };
// What a random stream is for; the first word after the seed.
enum { STREAM_ORDER = 0x6f72, STREAM_DRAW = 0x6472, STREAM_IMAGE = 0x696d };

typedef struct {
    Batch batch;
    float *images;
    int *labels, *indices;
} Slot;

struct Feed {
    // settings, fixed after feed_new
    FeedOptions options;
    Sampler sampler;
    int *indices;
    int count;
    int64_t per_epoch;
    int n_slots;

    // of the worker alone
    int *order;       // positions in indices: this epoch's order, or a scratch for drawing
    int64_t in_order; // epoch that order is of; -1: none
    int *swaps;
    float *scratch;

    // shared, under the lock
    pthread_mutex_t lock;
    pthread_cond_t filled, wanted;
    Slot *slots;
    int head, ready; // see above
    bool held;
    int64_t next; // number of the batch that the reader gets next
    int64_t made; // number of the batch that the worker makes next
    uint64_t turn;
    bool stop;

    bool running; // the thread and the three above exist
    pthread_t thread;
};

// ---- what is in a batch -------------------------------------------------------------------------

static void set_order(Feed *f, int64_t epoch)
{
    if (f->in_order == epoch)
        return;
    for (int i = 0; i < f->count; i++)
        f->order[i] = i;
    if (f->options.shuffle) {
        Rng rng = rng_at(f->options.seed, STREAM_ORDER, (uint64_t)epoch);
        rng_shuffle(&rng, f->order, f->count);
    }
    f->in_order = epoch;
}

static void swap(int *a, int *b)
{
    int t = *a;
    *a = *b;
    *b = t;
}

// n different positions: the first steps of a shuffle of 0 .. count-1, undone afterwards.
static void draw(Feed *f, int64_t b, int n, int *out)
{
    Rng rng = rng_at(f->options.seed, STREAM_DRAW, (uint64_t)b);
    for (int i = 0; i < n; i++) {
        f->swaps[i] = i + (int)rng_below(&rng, (uint64_t)(f->count - i));
        swap(&f->order[i], &f->order[f->swaps[i]]);
        out[i] = f->indices[f->order[i]];
    }
    for (int i = n - 1; i >= 0; i--)
        swap(&f->order[i], &f->order[f->swaps[i]]);
}

static int choose_images(Feed *f, int64_t b, int *out)
{
    int n = f->options.batch;
    if (f->options.replace) {
        draw(f, b, n, out);
        return n;
    }
    int64_t begin = b % f->per_epoch * n;
    set_order(f, b / f->per_epoch);
    if (n > f->count - begin)
        n = (int)(f->count - begin);
    for (int i = 0; i < n; i++)
        out[i] = f->indices[f->order[begin + i]];
    return n;
}

static void fill(Feed *f, int64_t b, Slot *slot)
{
    const Sampler *s = &f->sampler;
    size_t items = (size_t)s->height * (size_t)s->width * (size_t)s->channels;
    int n = choose_images(f, b, slot->indices);
    uint64_t seed = rng_at(f->options.seed, STREAM_IMAGE, 0).s[0];
    for (int i = 0; i < n; i++) {
        Rng rng = rng_at(seed, (uint64_t)b, (uint64_t)i);
        slot->labels[i] = s->data->labels[slot->indices[i]];
        sample_make(s, slot->indices[i], &rng, f->scratch, slot->images + (size_t)i * items);
    }
    slot->batch = (Batch){ .number = b,
                           .epoch = b / f->per_epoch,
                           .n = n,
                           .height = s->height,
                           .width = s->width,
                           .channels = s->channels,
                           .images = slot->images,
                           .labels = slot->labels,
                           .indices = slot->indices };
}

// ---- the thread ---------------------------------------------------------------------------------

static void *work(void *self)
{
    Feed *f = self;
    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        if (f->held + f->ready == f->n_slots) {
            pthread_cond_wait(&f->wanted, &f->lock);
            continue;
        }
        Slot *slot = &f->slots[(f->head + f->held + f->ready) % f->n_slots];
        int64_t b = f->made;
        uint64_t turn = f->turn;
        pthread_mutex_unlock(&f->lock);
        fill(f, b, slot);
        pthread_mutex_lock(&f->lock);
        if (turn != f->turn)
            continue;
        f->ready++;
        f->made++;
        pthread_cond_signal(&f->filled);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void let_go(Feed *f)
{
    if (f->held)
        f->head = (f->head + 1) % f->n_slots;
    f->held = false;
}

const Batch *feed_next(Feed *f)
{
    pthread_mutex_lock(&f->lock);
    let_go(f);
    pthread_cond_signal(&f->wanted);
    while (f->ready == 0)
        pthread_cond_wait(&f->filled, &f->lock);
    f->ready--;
    f->held = true;
    f->next++;
    const Batch *batch = &f->slots[f->head].batch;
    pthread_mutex_unlock(&f->lock);
    return batch;
}

void feed_seek(Feed *f, int64_t b)
{
    assert(b >= 0);
    pthread_mutex_lock(&f->lock);
    let_go(f);
    if (b != f->next) {
        // The worker may be filling slots[head + ready]; it will throw that away and start again
        // at slots[head], so no slot is ever in two hands.
        f->ready = 0;
        f->next = f->made = b;
        f->turn++;
    }
    pthread_cond_signal(&f->wanted);
    pthread_mutex_unlock(&f->lock);
}

int64_t feed_tell(const Feed *f)
{
    return f->next; // only the caller's thread changes it
}

int64_t feed_batches_per_epoch(const Feed *f)
{
    return f->per_epoch;
}

void feed_normalisation(const Feed *f, const float **mean, const float **std)
{
    *mean = f->sampler.mean;
    *std = f->sampler.std;
}

// ---- making and freeing -------------------------------------------------------------------------

static Status check_sizes(const Dataset *d, const FeedOptions *o, int count, Error *err)
{
    if (count < 1)
        return error_set(err, STATUS_ARG, "%s: there are no images to make batches of", d->name);
    if (o->batch < 1)
        return error_set(err, STATUS_ARG, "batch size is %d, expected 1 or more", o->batch);
    if (o->batch > count && (o->drop_last || o->replace))
        return error_set(err, STATUS_ARG,
                         "batch size is %d, but there are only %d images; make data.batch smaller",
                         o->batch, count);
    if (o->channels && o->channels != d->channels && d->channels != 1)
        return error_set(err, STATUS_ARG,
                         "%s has images of %d channels, the network takes %d; only 1 channel can "
                         "be repeated",
                         d->name, d->channels, o->channels);
    if (o->channels < 0 || o->channels > DATA_MAX_CHANNELS || o->height < 0 || o->width < 0 ||
        o->height > DATA_MAX_SIDE || o->width > DATA_MAX_SIDE)
        return error_set(err, STATUS_ARG, "network input of %d x %d x %d is out of range",
                         o->height, o->width, o->channels);
    if (o->crop < 0 || o->crop > DATA_MAX_SIDE || o->cutout < 0 || o->cutout > DATA_MAX_SIDE)
        return error_set(err, STATUS_ARG, "crop %d or cutout %d is out of range", o->crop,
                         o->cutout);
    if (o->ahead < 0 || o->ahead > AHEAD_MAX)
        return error_set(err, STATUS_ARG, "%d batches in advance, expected 0 to %d", o->ahead,
                         AHEAD_MAX);
    return STATUS_OK;
}

static Status check(const Dataset *d, const int *indices, int count, const FeedOptions *o,
                    Error *err)
{
    Status status = check_sizes(d, o, count, err);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < count; i++)
        if (indices[i] < 0 || indices[i] >= d->n)
            return error_set(err, STATUS_ARG, "%s has %d images, there is no image %d", d->name,
                             d->n, indices[i]);
    for (int c = 0; o->normalise == NORMALISE_GIVEN && c < d->channels; c++)
        if (!(o->std[c] > 0))
            return error_set(err, STATUS_ARG, "deviation %g of channel %d, expected more than 0",
                             (double)o->std[c], c);
    return STATUS_OK;
}

static void set_sampler(Feed *f, const Dataset *d)
{
    const FeedOptions *o = &f->options;
    Sampler *s = &f->sampler;
    *s = (Sampler){ .data = d,
                    .height = o->height ? o->height : d->height,
                    .width = o->width ? o->width : d->width,
                    .channels = o->channels ? o->channels : d->channels,
                    .crop = o->crop,
                    .cutout = o->cutout,
                    .flip = o->flip };
    for (int c = 0; c < DATA_MAX_CHANNELS; c++) {
        s->mean[c] = o->normalise == NORMALISE_GIVEN ? o->mean[c] : 0;
        s->std[c] = o->normalise == NORMALISE_GIVEN ? o->std[c] : 1;
    }
    if (o->normalise == NORMALISE_COMPUTED)
        data_statistics(d, f->indices, f->count, s->mean, s->std);
}

static bool new_slot(const Feed *f, Slot *slot)
{
    const Sampler *s = &f->sampler;
    size_t item = (size_t)s->height * (size_t)s->width * (size_t)s->channels * sizeof(float);
    size_t batch = (size_t)f->options.batch;
    if (batch > SIZE_MAX / 2 / item)
        return false;
    slot->images = mem_aligned(batch * item);
    slot->labels = mem_zero(batch, sizeof *slot->labels);
    slot->indices = mem_zero(batch, sizeof *slot->indices);
    return slot->images && slot->labels && slot->indices;
}

static bool new_buffers(Feed *f)
{
    f->order = mem_array((size_t)f->count, sizeof *f->order);
    f->swaps = mem_array((size_t)f->options.batch, sizeof *f->swaps);
    f->scratch = mem_array(sample_scratch(&f->sampler), sizeof *f->scratch);
    f->slots = mem_zero((size_t)f->n_slots, sizeof *f->slots);
    if (!f->order || !f->swaps || !f->scratch || !f->slots)
        return false;
    for (int i = 0; i < f->n_slots; i++)
        if (!new_slot(f, &f->slots[i]))
            return false;
    for (int i = 0; i < f->count; i++)
        f->order[i] = i;
    f->in_order = f->options.shuffle ? -1 : 0;
    return true;
}

// Signals are for the threads that know what to do with them.
static Status start(Feed *f, Error *err)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->filled, NULL);
    pthread_cond_init(&f->wanted, NULL);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    f->running = pthread_create(&f->thread, NULL, work, f) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (f->running)
        return STATUS_OK;
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->filled);
    pthread_cond_destroy(&f->wanted);
    return error_set(err, STATUS_IO, "cannot start the thread that prepares batches");
}

Status feed_new(const Dataset *data, const int *indices, int count, const FeedOptions *options,
                Feed **out, Error *err)
{
    *out = NULL;
    Status status = check(data, indices, count, options, err);
    if (status != STATUS_OK)
        return status;
    Feed *f = mem_zero(1, sizeof *f);
    int *copy = mem_array((size_t)count, sizeof *copy);
    if (!f || !copy) {
        mem_free(f);
        mem_free(copy);
        return error_set(err, STATUS_NOMEM, "out of memory for batches of %s", data->name);
    }
    f->options = *options;
    f->indices = memcpy(copy, indices, (size_t)count * sizeof *copy);
    f->count = count;
    int64_t batch = options->batch, n = count;
    f->per_epoch = options->drop_last ? n / batch : (n + batch - 1) / batch;
    f->n_slots = (options->ahead ? options->ahead : 2) + 1; // one is held
    set_sampler(f, data);
    status = new_buffers(f) ? start(f, err)
                            : error_set(err, STATUS_NOMEM, "out of memory for batches of %d images",
                                        options->batch);
    if (status != STATUS_OK) {
        feed_free(f);
        return status;
    }
    *out = f;
    return STATUS_OK;
}

void feed_free(Feed *f)
{
    if (!f)
        return;
    if (f->running) {
        pthread_mutex_lock(&f->lock);
        f->stop = true;
        pthread_cond_signal(&f->wanted);
        pthread_mutex_unlock(&f->lock);
        pthread_join(f->thread, NULL);
        pthread_mutex_destroy(&f->lock);
        pthread_cond_destroy(&f->filled);
        pthread_cond_destroy(&f->wanted);
    }
    for (int i = 0; f->slots && i < f->n_slots; i++) {
        mem_free(f->slots[i].images);
        mem_free(f->slots[i].labels);
        mem_free(f->slots[i].indices);
    }
    mem_free(f->slots);
    mem_free(f->order);
    mem_free(f->swaps);
    mem_free(f->scratch);
    mem_free(f->indices);
    mem_free(f);
}
