/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "shared/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"

/* No message comes near it, as the largest is one object: it is there so that what is no message of
 * ours is not waited for until memory ends. */
#define TEXT_LIMIT (UINT32_C(1) << 30)
#define READ_SIZE 16384
/* Of one call: the loop has other things to do. */
#define READS_LIMIT 32
#define OUTPUT_SIZE 65536

/* Both ends are the same program on the same machine: the host's byte order will do. */
struct header {
        uint32_t type;
        int32_t value;
        uint32_t size;
};

void channel_done(struct channel *channel) {
        phx_buffer_done(&channel->input);
}

struct channel_message *channel_message_free(struct channel_message *message) {
        if (!message)
                return NULL;

        free(message->text);
        free(message);

        return NULL;
}

static void channel_consume(struct phx_buffer *buffer, size_t size) {
        buffer->size -= size;
        memmove(buffer->data, buffer->data + size, buffer->size);
}

/* 1 when the buffer holds a whole one. */
static int peek_header(const struct phx_buffer *input, struct header *ret_header) {
        struct header header;

        if (input->size < sizeof(header))
                return 0;
        memcpy(&header, input->data, sizeof(header));
        if (header.type < CHANNEL_LOOK || header.type > CHANNEL_RESTARTS ||
            header.size > TEXT_LIMIT)
                return -EBADMSG;
        *ret_header = header;
        return input->size - sizeof(header) >= header.size;
}

/* An object is two texts, with a NUL between them; nothing else has one. */
static int split_text(struct channel_message *message) {
        const char *end = memchr(message->text, '\0', message->size);
        const size_t key_size = end ? (size_t) (end - message->text) : message->size;

        if (message->type != CHANNEL_OBJECT)
                return end ? -EBADMSG : 0;
        if (!end || key_size == 0 || memchr(end + 1, '\0', message->size - key_size - 1))
                return -EBADMSG;
        message->json = end + 1;
        message->json_size = message->size - key_size - 1;
        message->size = key_size;
        return 0;
}

static bool is_about_object(const struct channel_message *message) {
        return message->type == CHANNEL_OBJECT || message->type == CHANNEL_GONE;
}

/* 1 and a message when the buffer holds a whole one. */
static int take_message(struct phx_buffer *input, struct channel_message **ret_message) {
        phx_cleanup(channel_message_freep) struct channel_message *message = NULL;
        struct header header;
        int r;

        r = peek_header(input, &header);
        if (r <= 0)
                return r;
        message = calloc(1, sizeof(*message));
        if (!message)
                return -ENOMEM;
        message->text = malloc((size_t) header.size + 1);
        if (!message->text)
                return -ENOMEM;
        memcpy(message->text, input->data + sizeof(header), header.size);
        message->text[header.size] = '\0';
        message->type = (enum channel_type) header.type;
        message->value = header.value;
        message->size = header.size;
        r = split_text(message);
        if (r >= 0 && is_about_object(message) && (uint32_t) message->value >= PHX_OBJECT_KINDS)
                r = -EBADMSG;
        if (r < 0)
                return r;
        channel_consume(input, sizeof(header) + header.size);

        *ret_message = PHX_TAKE(message);
        return 1;
}

bool channel_has_message(const struct channel *channel) {
        struct header header;

        /* What is invalid is found by who receives. */
        return peek_header(&channel->input, &header) != 0;
}

/* 1 when something was read. */
static int read_more(struct channel *channel) {
        char data[READ_SIZE];
        ssize_t n;
        int r;

        do
                n = recv(channel->fd, data, sizeof(data), 0);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
                r = phx_errno();
                return r == -EAGAIN ? 0 : r;
        }
        if (n == 0)
                return -EPIPE;

        r = phx_buffer_add(&channel->input, data, (size_t) n);
        return r < 0 ? r : 1;
}

int channel_receive(struct channel *channel, struct channel_message **ret_message) {
        for (unsigned i = 0;; i++) {
                int r;

                r = take_message(&channel->input, ret_message);
                if (r != 0 || i == READS_LIMIT)
                        return r;
                r = read_more(channel);
                if (r <= 0)
                        return r;
        }
}

/* --- output --- */

void channel_output_done(struct channel_output *output) {
        phx_buffer_done(&output->buffer);
}

int channel_flush(struct channel_output *output) {
        size_t sent = 0;
        int r = 0;

        while (r >= 0 && sent < output->buffer.size) {
                ssize_t n = send(
                                output->fd,
                                output->buffer.data + sent,
                                output->buffer.size - sent,
                                MSG_NOSIGNAL);

                if (n >= 0)
                        sent += (size_t) n;
                else if (errno != EINTR)
                        r = phx_errno();
        }
        if (r < 0 && r != -EAGAIN)
                sent = output->buffer.size;
        if (sent > 0)
                channel_consume(&output->buffer, sent);
        return r;
}

/* KEY and JSON may be NULL, and have a NUL between them. */
static int channel_add(
                struct channel_output *output,
                struct header header,
                const char *key,
                const char *json) {
        const size_t key_size = key ? strlen(key) : 0, json_size = json ? strlen(json) + 1 : 0;
        int r;

        if (key_size + json_size > TEXT_LIMIT)
                return -EMSGSIZE;
        header.size = (uint32_t) (key_size + json_size);
        r = phx_buffer_add(&output->buffer, &header, sizeof(header));
        if (r >= 0 && key)
                r = phx_buffer_add(&output->buffer, key, key_size);
        if (r >= 0 && json)
                r = phx_buffer_add(&output->buffer, "", 1);
        if (r >= 0 && json)
                r = phx_buffer_add(&output->buffer, json, json_size - 1);
        if (r < 0)
                return r;
        return output->buffer.size >= OUTPUT_SIZE ? channel_flush(output) : 0;
}

int channel_put_object(
                struct channel_output *output,
                enum phx_object_kind kind,
                const char *key,
                const char *json) {
        const struct header header = { json ? CHANNEL_OBJECT : CHANNEL_GONE, (int32_t) kind, 0 };

        return channel_add(output, header, key, json);
}

int channel_put(struct channel_output *output,
                enum channel_type type,
                int32_t value,
                const char *text) {
        return channel_add(output, (struct header){ (uint32_t) type, value, 0 }, text, NULL);
}

int channel_send(int fd, enum channel_type type, int32_t value, const char *text) {
        phx_cleanup(channel_output_done) struct channel_output output = { .fd = fd };
        int r;

        r = channel_put(&output, type, value, text);
        return r < 0 ? r : channel_flush(&output);
}
