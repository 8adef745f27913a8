int count(void);

int count(void) {
        static int counter = 0;

        return ++counter;
}
