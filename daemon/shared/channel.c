/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "shared/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"

/* No report comes near it (ten thousand containers are some 13 MB): it is there so that what is no
 * message of ours is not waited for until memory ends. */
#define TEXT_LIMIT (UINT32_C(1) << 30)
#define READ_SIZE 16384

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

static int send_all(int fd, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return phx_errno();
                }
                data += n;
                size -= (size_t) n;
        }
        return 0;
}

int channel_send(int fd, enum channel_type type, int32_t value, const char *text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        size_t size = text ? strlen(text) : 0;
        struct header header;
        int r;

        if (size > TEXT_LIMIT)
                return -EMSGSIZE;

        header = (struct header){ (uint32_t) type, value, (uint32_t) size };
        r = phx_buffer_add(&buffer, &header, sizeof(header));
        if (r >= 0 && text)
                r = phx_buffer_add(&buffer, text, size);
        if (r < 0)
                return r;

        return send_all(fd, buffer.data, buffer.size);
}

static void channel_consume(struct phx_buffer *buffer, size_t size) {
        buffer->size -= size;
        memmove(buffer->data, buffer->data + size, buffer->size);
}

/* 1 and a message when the buffer holds a whole one. */
static int take_message(struct phx_buffer *input, struct channel_message **ret_message) {
        phx_cleanup(channel_message_freep) struct channel_message *message = NULL;
        struct header header;

        if (input->size < sizeof(header))
                return 0;
        memcpy(&header, input->data, sizeof(header));
        if (header.type < CHANNEL_LOOK || header.type > CHANNEL_SCOPE || header.size > TEXT_LIMIT)
                return -EBADMSG;
        if (input->size - sizeof(header) < header.size)
                return 0;

        message = calloc(1, sizeof(*message));
        if (!message)
                return -ENOMEM;
        message->text = strndup(input->data + sizeof(header), header.size);
        if (!message->text)
                return -ENOMEM;
        message->type = (enum channel_type) header.type;
        message->value = header.value;
        message->size = strlen(message->text);
        channel_consume(input, sizeof(header) + header.size);

        *ret_message = PHX_TAKE(message);
        return 1;
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
        for (;;) {
                int r;

                r = take_message(&channel->input, ret_message);
                if (r != 0)
                        return r;
                r = read_more(channel);
                if (r <= 0)
                        return r;
        }
}
